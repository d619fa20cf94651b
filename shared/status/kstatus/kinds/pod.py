"""Pod: finished, or running and ready; a crash loop and a pod nobody can schedule are failures."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import condition, is_true, objects, text
from shared.status.kstatus.result import Result, Status, current, failed, in_progress

SCHEDULING = timedelta(seconds=15)
"""The scheduler often needs a moment, so being unschedulable is no failure for this long."""


def status(obj: JsonObject, now: datetime) -> Result:
    """By phase."""
    match text(obj, "status", "phase"):
        case "Succeeded":
            return current("the pod completed")
        case "Failed":
            return current("the pod completed, but not successfully")
        case "Running":
            return _running(obj)
        case "Pending":
            return _pending(obj, now)
        case "":
            return in_progress("the pod has no phase yet")
        case phase:
            return in_progress(f"the pod is in phase {phase}")


def is_unschedulable(obj: JsonObject) -> bool:
    """Whether the scheduler found no node."""
    scheduled = condition(obj, "PodScheduled")
    return scheduled is not None and scheduled.is_false and scheduled.reason == "Unschedulable"


def _running(obj: JsonObject) -> Result:
    if is_true(obj, "Ready"):
        return current("the pod is ready")
    looping = [
        text(container, "name")
        for field in ("initContainerStatuses", "containerStatuses")
        for container in objects(obj, "status", field)
        if text(container, "state", "waiting", "reason") == "CrashLoopBackOff"
    ]
    if looping:
        return failed(f"containers in a crash loop: {', '.join(looping)}")
    return in_progress("the pod is running but not ready")


def _pending(obj: JsonObject, now: datetime) -> Result:
    if not is_unschedulable(obj):
        return in_progress("the pod is pending")
    created = _instant(text(obj, "metadata", "creationTimestamp"))
    left = SCHEDULING - (now - created) if created else timedelta(0)
    if left > timedelta(0):
        return Result(Status.IN_PROGRESS, "the pod is not scheduled yet", recheck=left)
    return failed("the pod could not be scheduled")


def _instant(stamp: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return None
