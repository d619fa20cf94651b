import os
import subprocess
import sys

import pytest

from localcluster.component import Component, Identity
from localcluster.ports import free_ports
from localcluster.state import State, clusters, sweep


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """All clusters of these tests, away from those of others."""
    monkeypatch.setattr("localcluster.state.tempfile.gettempdir", lambda: str(tmp_path))
    return clusters()


@pytest.fixture
def sleeper():
    """Starts processes that would run for long, and ends them."""
    started = []

    def start():
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        started.append(process)
        return Identity.of(process.pid)

    yield start
    for process in started:
        process.kill()
        process.wait()


def cluster(folder, name, owner, **components):
    (folder / name).mkdir()
    state = State(folder / name, owner, components, "https://127.0.0.1:1")
    state.save()
    return state


def dead():
    process = subprocess.Popen([sys.executable, "-c", ""])
    identity = Identity.of(process.pid)
    process.wait()
    return identity


def test_a_state_is_read_as_it_was_written(folder, sleeper):
    state = cluster(folder, "a", Identity(1, 2), etcd=Identity(3, 4))
    assert State.load(folder / "a") == state
    assert State.load(folder / "b") is None
    (folder / "a" / "state.json").write_text("{")
    assert State.load(folder / "a") is None


def test_a_cluster_whose_owner_died_is_ended_and_removed(folder, sleeper):
    component = sleeper()
    state = cluster(folder, "left", dead(), etcd=component)
    assert state.abandoned
    assert sweep() == [folder / "left"]
    assert not component.alive
    assert not (folder / "left").exists()


def test_a_cluster_whose_owner_lives_is_left_alone(folder, sleeper):
    component = sleeper()
    cluster(folder, "used", Identity.of(os.getpid()), etcd=component)
    assert sweep() == []
    assert component.alive


def test_a_detached_cluster_is_left_alone_until_nothing_of_it_runs(folder, sleeper):
    cluster(folder, "up", None, etcd=dead(), api=sleeper())
    cluster(folder, "ended", None, etcd=dead())
    assert sweep() == [folder / "ended"]


def test_a_pid_that_was_given_to_another_process_is_not_taken_for_the_old_one(folder, sleeper):
    other = sleeper()
    recycled = Identity(other.pid, other.started - 1)
    assert not recycled.alive
    cluster(folder, "left", recycled, etcd=recycled)
    assert sweep() == [folder / "left"]
    assert other.alive


def test_folders_without_a_state_are_left_alone(folder):
    (folder / "unknown").mkdir()
    assert sweep() == []
    assert (folder / "unknown").exists()


def test_a_zombie_is_not_alive():
    process = subprocess.Popen([sys.executable, "-c", ""])
    identity = Identity.of(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not identity.alive
    process.wait()


def test_a_component_tells_the_end_of_its_log_and_what_it_used(tmp_path):
    code = "import time; print('hello', flush=True); time.sleep(600)"
    component = Component("one", [sys.executable, "-u", "-c", code], tmp_path / "one.log")
    component.start()
    try:
        assert component.running
        while "hello" not in component.tail():
            pass
        assert component.identity.usage().peak >= component.identity.usage().resident > 0
    finally:
        component.stop()
    assert not component.running
    assert component.identity.usage().resident == 0


def test_a_component_that_ignores_a_request_is_made_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr("localcluster.component._STOP_SECONDS", 0.2)
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{ignore}; print('x', flush=True); time.sleep(600)"
    component = Component("stubborn", [sys.executable, "-u", "-c", code], tmp_path / "log")
    component.start()
    while "x" not in component.tail():
        pass
    component.stop()
    assert not component.running


def test_ports_differ():
    ports = free_ports(20)
    assert len(set(ports)) == 20


def test_the_folder_of_clusters_is_private_and_ours(folder, monkeypatch):
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr("localcluster.state.os.getuid", lambda: os.geteuid() + 1)
    other = folder.parent / f"headrace-clusters-{os.geteuid() + 1}"
    other.mkdir()
    with pytest.raises(PermissionError, match="belongs to another user"):
        clusters()
