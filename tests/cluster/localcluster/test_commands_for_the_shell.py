"""`python -m localcluster`, as somebody at a prompt uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def command(tmp_path):
    def run(*arguments):
        environ = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
        return subprocess.run(
            [sys.executable, "-m", "localcluster", *arguments],
            cwd=ROOT,
            env=environ | {"TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    yield run
    run("down", "--name", "shell")


def test_a_cluster_stays_until_it_is_taken_down(command, tmp_path):
    up = command("up", "--name", "shell")
    assert up.returncode == 0, up.stderr
    assert "is up after" in up.stdout
    assert "is up already" in command("up", "--name", "shell").stdout
    exports = command("env", "--name", "shell").stdout
    script = f"{exports}\nkubectl get namespaces -o name"
    listed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "namespace/default" in listed.stdout, listed.stderr
    assert "is gone" in command("down", "--name", "shell").stdout
    assert list(tmp_path.rglob("kubeconfig")) == []
    gone = command("env", "--name", "shell")
    assert gone.returncode == 1
    assert "python -m localcluster up --name shell" in gone.stderr


def test_a_command_gets_a_cluster_for_itself_and_keeps_its_exit_code(command, tmp_path):
    done = command("run", "--", "sh", "-c", "kubectl get namespace default -o name; exit 7")
    assert "namespace/default" in done.stdout, done.stderr
    assert done.returncode == 7
    assert list(tmp_path.rglob("kubeconfig")) == []


def test_unknown_programs_are_named(command):
    refused = command("build", "nope")
    assert refused.returncode == 2
    assert "no such program: nope" in refused.stderr
