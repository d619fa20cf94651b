"""Whole processes: what stops their start, what they tell, how they lead and how they stop."""

import hashlib
import json
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from localcluster import ClusterError, programs
from shared.testing.controllers import ControllerProcess
from shared.testing.definitions import define
from shared.testing.faulty_api import FaultyApi

ROOT = Path(__file__).parents[3]
SCRIPTED = "tests.cluster.runtime.scripted_controller"
LEASE = "kustomize-controller-leader-election"
TOTAL = "controller_runtime_reconcile_total"
QUICK = (
    "--enable-leader-election",
    "--leader-election-lease-duration=10s",
    "--leader-election-renew-deadline=7s",
    "--leader-election-retry-period=500ms",
)


class Processes:
    """Starts processes in one namespace and looks at what they leave there."""

    def __init__(self, cluster, namespace, folder):
        self.cluster = cluster
        self.namespace = namespace
        self.folder = folder
        self.started = []

    def start(self, *arguments, module=SCRIPTED, name="one", through=None, **environ):
        process = ControllerProcess(
            module,
            through.kubeconfig(self.cluster.kubeconfig) if through else self.cluster.kubeconfig,
            self.folder,
            arguments=("--watch-all-namespaces=false", *arguments),
            environ={"SCRIPT_FOLDER": str(self.folder)} | environ,
            namespace=self.namespace,
            name=name,
        )
        self.started.append(process)
        process.start()
        return process

    def refusal(self, *arguments, module="kustomize_controller", **environ):
        """Exit code and last words of a process that does not start."""
        command = [sys.executable, "-m", module, "--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"]
        done = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env={"KUBECONFIG": str(self.cluster.kubeconfig), "RUNTIME_NAMESPACE": self.namespace} | environ,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stderr

    def create(self, name):
        # The label keeps the controller off that other tests of this run may have started.
        labels = {"test.headrace.io/own": self.namespace}
        obj = {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": self.namespace, "labels": labels},
            "spec": {"interval": "5m", "prune": False, "sourceRef": {"kind": "GitRepository", "name": "s"}},
        }
        self.cluster.kubectl("create", "-f", "-", stdin=json.dumps(obj))

    def get(self, kind, name):
        return json.loads(self.cluster.kubectl("get", kind, name, "-n", self.namespace, "-o", "json"))

    def holder(self, name=LEASE):
        try:
            return self.get("lease", name)["spec"]["holderIdentity"]
        except ClusterError:
            return None


@pytest.fixture
def api(cluster, tmp_path):
    """A bad network; ask for it before the processes, so that it outlives them."""
    with FaultyApi(cluster.kubeconfig, tmp_path) as api:
        yield api


@pytest.fixture
def processes(cluster, namespace, definition, tmp_path):
    one = Processes(cluster, namespace, tmp_path)
    yield one
    for process in one.started:
        process.kill()
    patch = '{"metadata":{"finalizers":null}}'
    for name in cluster.kubectl("get", "ks", "-n", namespace, "-o", "name").split():
        cluster.kubectl("patch", name, "-n", namespace, "--type=merge", "-p", patch)


def until(condition, seconds=40):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)
    return found


@pytest.mark.parametrize(
    ("argument", "code", "words"),
    [
        pytest.param(
            "--interval-jitter-percentage=100", 2, "must be between 0 and 99",
            marks=pytest.mark.case("runtime-21"),
        ),
        pytest.param(
            "--events-addr= http://x", 1, "--events-addr: ' http://x' is not an http or https URL",
            marks=pytest.mark.case("runtime-28"),
        ),
        pytest.param(
            "--feature-gates=Nope=true", 2, "feature-gate 'Nope' not supported",
            marks=pytest.mark.case("runtime-35"),
        ),
        ("--log-level=loud", 2, "--log-level: 'loud' is none of"),
        ("--nope", 2, "unknown flag: --nope"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_stops_the_start(processes, argument, code, words):
    returned, said = processes.refusal(argument)
    assert (returned, words in said) == (code, True), said
    assert "Traceback" not in said


def test_a_proxy_that_is_none_stops_the_start(processes):
    returned, said = processes.refusal(HTTPS_PROXY="ftp://eve:hidden@proxy")
    assert (returned, "HTTPS_PROXY: the value is not a URL" in said, "hidden" in said) == (1, True, False), (
        said
    )


def test_requests_to_others_go_through_the_proxy_of_the_environment(processes):
    asked = queue.Queue()

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.put(self.path)
            self.send_response(202)
            self.end_headers()

        def log_message(self, *said):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            proxy = f"http://127.0.0.1:{server.server_port}"
            processes.start("--events-addr=http://events.example.test/", HTTP_PROXY=proxy)
            processes.create("fails-a")
            assert asked.get(timeout=20) == "http://events.example.test/"
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize("module", ["source_controller", "kustomize_controller"])
def test_a_controller_of_one_namespace_asks_for_nothing_else(api, processes, cluster, tmp_path, module):
    crds = [str(path) for path in sorted((ROOT / "charts").glob("*/files/crds/*.yaml"))]
    cluster.kubectl("apply", "--server-side", "--force-conflicts", *(f"--filename={path}" for path in crds))
    own = {
        "source_controller": [f"--storage-path={tmp_path}", "--storage-addr=127.0.0.1:0"],
        "kustomize_controller": [f"--kustomize-binary={programs.ensure('kustomize')}"],
    }
    process = processes.start(*own[module], module=module, through=api)
    until(lambda: said(process, "started"))
    asked = {request.path for request in api.requests if "/v1/" in request.path}
    process.stop()
    assert asked
    assert {path for path in asked if f"/namespaces/{processes.namespace}/" not in path} == set()


@pytest.mark.case("runtime-36")
def test_the_last_number_of_workers_counts(processes):
    kustomize = f"--kustomize-binary={programs.ensure('kustomize')}"
    process = processes.start("--concurrent=4", "--concurrent=20", kustomize, module="kustomize_controller")
    assert (
        'controller_runtime_max_concurrent_reconciles{controller="kustomization"} 20.0' in process.metrics()
    )


@pytest.mark.case("runtime-30")
def test_a_scrape_tells_of_success_and_failure(processes):
    process = processes.start()
    processes.create("fails-a")
    processes.create("done-a")
    wanted = [f'controller="kustomization",result="{result}"' for result in ("error", "requeue_after")]

    def counted():
        series = (line.rpartition(" ") for line in process.metrics().splitlines())
        return {name: float(value) for name, _, value in series if name.startswith(TOTAL)}

    until(lambda: all(counted()[f"{TOTAL}{{{labels}}}"] > 0 for labels in wanted))


@pytest.mark.case("runtime-32")
def test_a_shard_has_a_lease_of_its_own(processes):
    selector = "sharding.fluxcd.io/key=shard1"
    kustomize = f"--kustomize-binary={programs.ensure('kustomize')}"
    shard = f"--watch-label-selector={selector}"
    processes.start("--enable-leader-election", shard, kustomize, module="kustomize_controller")
    name = f"{LEASE}-{hashlib.sha256(selector.encode()).hexdigest()[:8]}"
    assert until(lambda: processes.holder(name))
    assert processes.holder() is None


def test_a_second_replica_stands_by_and_takes_over_at_once_after_a_release(processes):
    one = processes.start(*QUICK, name="one")
    first = until(processes.holder)
    processes.start(*QUICK, name="two")
    processes.create("done-a")
    until(lambda: processes.get("ks", "done-a")["status"]["observedGeneration"] == 1)
    assert processes.holder() == first
    assert one.stop() == 0
    second = until(processes.holder)
    assert second != first
    processes.create("done-b")
    until(lambda: processes.get("ks", "done-b")["status"]["observedGeneration"] == 1)


def test_a_replica_that_died_is_followed_when_its_lease_ran_out(processes):
    one = processes.start(*QUICK, name="one")
    first = until(processes.holder)
    processes.start(*QUICK, name="two")
    one.kill()
    until(lambda: processes.holder() != first)
    processes.create("done-a")
    until(lambda: processes.get("ks", "done-a")["status"]["observedGeneration"] == 1)


@pytest.mark.case("runtime-33")
def test_a_process_that_lost_the_lease_writes_nothing_and_ends_with_an_error(processes):
    process = processes.start(*QUICK)
    until(processes.holder)
    processes.create("waits-a")
    until((processes.folder / "started").exists)
    thief = '{"spec":{"holderIdentity":"thief","leaseDurationSeconds":3600}}'
    processes.cluster.kubectl("patch", "lease", LEASE, "-n", processes.namespace, "--type=merge", "-p", thief)
    before = processes.get("ks", "waits-a")["metadata"]["resourceVersion"]
    until(lambda: not process.running)
    (processes.folder / "go").touch()
    assert process.stop() == 1
    assert processes.get("ks", "waits-a")["metadata"]["resourceVersion"] == before
    assert processes.holder() == "thief"
    assert "LeadershipLost" in process.tail()


def test_a_leader_that_is_cut_off_gives_up_before_another_takes_over(api, processes):
    one = processes.start(*QUICK, name="one", through=api)
    until(lambda: said(one, "became leader"))
    processes.create("waits-a")
    until((processes.folder / "started").exists)
    two = processes.start(*QUICK, name="two")
    before = processes.get("ks", "waits-a")
    api.away()
    until(lambda: not one.running)
    assert one.stop() == 1
    (gave_up,), (took_over,) = said(one, "stopped by an error"), until(lambda: said(two, "became leader"))
    assert "LeadershipLost" in gave_up["error"]
    assert gave_up["ts"] < took_over["ts"]
    api.back()
    one.start()  # as Kubernetes does
    (processes.folder / "go").touch()
    after = until(lambda: settled(processes.get("ks", "waits-a")))
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert processes.holder() == took_over["identity"]
    assert len(said(one, "became leader")) == 1


def test_after_an_outage_longer_than_the_lease_one_replica_leads_and_catches_up(api, processes):
    both = {name: processes.start(*QUICK, name=name, through=api) for name in ("one", "two")}
    processes.create("done-a")
    until(lambda: settled(processes.get("ks", "done-a")))
    first = processes.holder()
    leader = next(name for name, process in both.items() if said(process, "became leader"))
    api.away()
    until(lambda: not both[leader].running)
    assert both[leader].stop() == 1
    processes.create("done-b")
    processes.create("fails-a")
    (other,) = both.keys() - {leader}
    assert both[other].running
    api.back()
    until(lambda: settled(processes.get("ks", "done-b")))
    until(lambda: processes.get("ks", "fails-a")["status"].get("conditions"))
    both[leader].start()
    assert processes.holder() == said(both[other], "became leader")[0]["identity"] != first
    assert both[other].stop() == 0
    until(lambda: len(said(both[leader], "became leader")) == 2)


def said(process, message):
    """Lines of the log with a message."""
    return [line for line in process.said() if line["msg"] == message]


def settled(obj):
    """The object, once its generation was dealt with."""
    return obj if obj["status"].get("observedGeneration") == obj["metadata"]["generation"] else None


@pytest.mark.case("runtime-34")
def test_a_turn_may_end_after_sigterm_and_the_lease_is_given_back(processes):
    process = processes.start(*QUICK)
    until(processes.holder)
    processes.create("waits-a")
    until((processes.folder / "started").exists)
    process._process.terminate()
    until(lambda: "stopping" in process.tail())
    assert process.running
    (processes.folder / "go").touch()
    assert process._process.wait(30) == 0
    ready = processes.get("ks", "waits-a")["status"]["conditions"][0]
    assert (ready["type"], ready["status"]) == ("Ready", "True")
    assert processes.holder() == ""


def test_a_remote_that_hangs_does_not_keep_the_lease_from_being_given_back(processes):
    """A pod that isn't gone in time is killed, and its successor waits for the lease to run out."""
    lease = "source-controller-leader-election"
    crds = (ROOT / "charts/source-controller/files/crds").glob("*.yaml")
    define(processes.cluster, *(file.read_text() for file in crds))
    chart = (ROOT / "charts/source-controller/templates/deployment.yaml").read_text()
    (pod_grace,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", chart)
    with socket.create_server(("127.0.0.1", 0)) as remote:
        storage = [f"--storage-path={processes.folder}", "--storage-addr=127.0.0.1:0"]
        process = processes.start("--enable-leader-election", *storage, module="source_controller")
        until(lambda: processes.holder(lease))
        url = f"http://127.0.0.1:{remote.getsockname()[1]}/app.git"
        obj = {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": "hangs", "namespace": processes.namespace},
            "spec": {"interval": "5m", "url": url},
        }
        processes.cluster.kubectl("create", "-f", "-", stdin=json.dumps(obj))
        remote.settimeout(20)
        connection, _ = remote.accept()
        with connection:
            process._process.terminate()
            # Twice, for a machine where everything takes its time.
            assert process._process.wait(2 * int(pod_grace)) == 0
    assert processes.holder(lease) == ""
    removed = '{"metadata":{"finalizers":null}}'
    processes.cluster.kubectl(
        "patch", "gitrepository", "hangs", "-n", processes.namespace, "--type=merge", "-p", removed
    )


def test_a_second_signal_ends_the_process_at_once(processes):
    process = processes.start()
    processes.create("waits-a")
    until((processes.folder / "started").exists)
    process._process.terminate()
    until(lambda: "stopping" in process.tail())
    assert process.stop() == 1
