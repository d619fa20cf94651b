"""Every example object in tests/data/kstatus has the status that its file says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.lang.yaml import load
from shared.status.kstatus import Status, status_of

DATA = Path(__file__).parents[2] / "data" / "kstatus"
NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
CASES = [
    pytest.param(case["object"], case["want"], id=f"{file.stem}: {case['case']}")
    for file in sorted(DATA.glob("*.yaml"))
    for case in load(file.read_text())
]


@pytest.mark.parametrize(("obj", "want"), CASES)
def test_status_of_an_example(obj, want):
    assert status_of(obj, NOW).status == want


def test_a_pod_that_may_still_be_scheduled_says_when_to_look_again():
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"creationTimestamp": "2026-01-01T00:00:50Z"},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
        },
    }
    result = status_of(pod, NOW)
    assert result.status is Status.IN_PROGRESS
    assert result.recheck is not None
    assert result.recheck.total_seconds() == 5


@pytest.mark.parametrize("broken", [{}, {"status": None}, {"metadata": None, "status": []}, {"kind": 1}])
def test_an_object_without_sense_is_no_crash(broken):
    assert status_of(broken, NOW).status is Status.CURRENT
