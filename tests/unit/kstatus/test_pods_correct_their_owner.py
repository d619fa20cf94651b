"""Pods of a StatefulSet or ReplicaSet turn progress into failure, and nothing else."""

from datetime import UTC, datetime

import pytest

from shared.status.kstatus import Result, Status, pod_selector, with_pods

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROGRESS = Result(Status.IN_PROGRESS, "ready: 0/1")


def pod(**metadata):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "db-0", **metadata},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "db", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
        },
    }


def test_a_crash_loop_fails_the_owner():
    result = with_pods(PROGRESS, [pod()], NOW)
    assert result.status is Status.FAILED
    assert "db-0" in result.message


def test_a_pod_that_is_being_deleted_does_not_count():
    assert with_pods(PROGRESS, [pod(deletionTimestamp="2026-01-01T00:00:00Z")], NOW) is PROGRESS


def test_a_pod_that_nobody_can_schedule_does_not_count():
    waiting = pod(creationTimestamp="2025-01-01T00:00:00Z")
    waiting["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
    }
    assert with_pods(PROGRESS, [waiting], NOW) is PROGRESS


def test_an_owner_that_is_current_stays_so():
    done = Result(Status.CURRENT)
    assert with_pods(done, [pod()], NOW) is done


@pytest.mark.parametrize(
    ("api_version", "kind", "want"),
    [
        ("apps/v1", "StatefulSet", "app=db,tier=x,zone in (a,b),!old"),
        ("apps/v1", "ReplicaSet", "app=db,tier=x,zone in (a,b),!old"),
        ("apps/v1", "Deployment", ""),
        ("example.com/v1", "StatefulSet", ""),
    ],
)
def test_the_selector_names_the_pods(api_version, kind, want):
    selector = {
        "matchLabels": {"tier": "x", "app": "db"},
        "matchExpressions": [
            {"key": "zone", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    assert pod_selector({"apiVersion": api_version, "kind": kind, "spec": {"selector": selector}}) == want
