"""A server that knows the generated definitions, and the cases as data."""

import subprocess

import pytest

from localcluster import programs
from shared.codegen.crds import KINDS, render
from shared.lang import json
from shared.testing.definitions import define


class Kubectl:
    """Runs kubectl against the test cluster."""

    def __init__(self, kubeconfig):
        self._base = [str(programs.path("kubectl")), "--kubeconfig", str(kubeconfig)]

    def __call__(self, *arguments, stdin="", check=True):
        done = subprocess.run(
            [*self._base, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=60
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def dry_run(self, obj, namespace):
        """What the server would store, or its refusal."""
        command = ("create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-")
        done = self(*command, stdin=json.dumps(obj).decode(), check=False)
        return (json.loads(done.stdout), "") if done.returncode == 0 else (None, done.stderr)


@pytest.fixture(scope="session")
def kubectl(cluster):
    define(cluster, *map(render, KINDS))
    return Kubectl(cluster.kubeconfig)
