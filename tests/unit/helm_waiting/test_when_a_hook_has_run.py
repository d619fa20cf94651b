"""When a hook has run to its end."""

from types import SimpleNamespace

import pytest

from helm_controller.cluster.waiting import RunReader
from shared.status.kstatus import CustomChecks, Status


def hook(kind, status=None, **data):
    version = {"Job": "batch/v1", "Thing": "example.com/v1"}.get(kind, "v1")
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "a"},
        "data": data,
        "status": status or {},
    }


COMPLETE = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (hook("ConfigMap"), Status.CURRENT),
        (hook("Thing"), Status.CURRENT),
        (hook("Job"), Status.IN_PROGRESS),
        (hook("Job", COMPLETE), Status.CURRENT),
        (hook("Pod"), Status.IN_PROGRESS),
        (hook("Pod", {"phase": "Running"}), Status.IN_PROGRESS),
        (hook("Pod", {"phase": "Succeeded"}), Status.CURRENT),
        (hook("Pod", {"phase": "Failed"}), Status.FAILED),
    ],
)
def test_jobs_and_pods_have_an_end(found, status):
    assert RunReader().read(found).status is status


@pytest.mark.parametrize("kind", ["Job", "Pod", "ConfigMap", "Thing"])
def test_a_custom_check_has_the_last_word(kind):
    expressions = {
        "in_progress": "!has(data.end)",
        "failed": "data.end == 'bad'",
        "current": "data.end == 'good'",
    }
    version = hook(kind)["apiVersion"]
    checks = CustomChecks.compile([SimpleNamespace(api_version=version, kind=kind, **expressions)])
    reader = RunReader(checks)
    assert reader.read(hook(kind, COMPLETE)).status is Status.IN_PROGRESS
    assert reader.read(hook(kind, COMPLETE, end="bad")).status is Status.FAILED
    assert reader.read(hook(kind, {"phase": "Failed"}, end="good")).status is Status.CURRENT
