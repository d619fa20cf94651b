"""Deployment: the new ReplicaSet is complete and available."""

from __future__ import annotations

from datetime import datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import condition, is_true, number, optional_number
from shared.status.kstatus.result import Result, current, failed, in_progress

_NO_DEADLINE = 2**31 - 1


def status(obj: JsonObject, _now: datetime) -> Result:
    """Follows the rollout from the desired count to available replicas of the new template."""
    progressing = condition(obj, "Progressing")
    if progressing is not None and progressing.reason == "ProgressDeadlineExceeded":
        return failed("the rollout exceeded its progress deadline")
    wanted = number(obj, "spec", "replicas", default=1)
    replicas = number(obj, "status", "replicas")
    updated = number(obj, "status", "updatedReplicas")
    available = number(obj, "status", "availableReplicas")
    ready = number(obj, "status", "readyReplicas")
    shortages = (
        (wanted > replicas, f"replicas: {replicas}/{wanted}"),
        (wanted > updated, f"updated: {updated}/{wanted}"),
        (replicas > wanted, f"pending termination: {replicas - wanted}"),
        (updated > available, f"available: {available}/{updated}"),
        (wanted > ready, f"ready: {ready}/{wanted}"),
    )
    short = next((message for applies, message in shortages if applies), None)
    return _conditions(obj) if short is None else in_progress(short)


def _conditions(obj: JsonObject) -> Result:
    deadline = optional_number(obj, "spec", "progressDeadlineSeconds")
    if deadline is not None and deadline != _NO_DEADLINE:
        progressing = condition(obj, "Progressing")
        if progressing is None or not progressing.is_true or progressing.reason != "NewReplicaSetAvailable":
            return in_progress("the new ReplicaSet is not available")
    if not is_true(obj, "Available"):
        return in_progress("the Deployment is not available")
    return current("the Deployment is available")
