"""ReplicaSet: exactly the wanted replicas, all of them labelled, available and ready."""

from __future__ import annotations

from datetime import datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import condition, number
from shared.status.kstatus.result import Result, current, in_progress

_COUNTS = (
    ("fullyLabeledReplicas", "labelled"),
    ("availableReplicas", "available"),
    ("readyReplicas", "ready"),
)


def status(obj: JsonObject, _now: datetime) -> Result:
    """A replica failure is not final: the controller tries again."""
    failure = condition(obj, "ReplicaFailure")
    if failure is not None and failure.is_true:
        return in_progress(f"replica failure: {failure.message}")
    wanted = number(obj, "spec", "replicas", default=1)
    for field, label in _COUNTS:
        count = number(obj, "status", field)
        if wanted > count:
            return in_progress(f"{label}: {count}/{wanted}")
    replicas = number(obj, "status", "replicas")
    if replicas > wanted:
        return in_progress(f"pending termination: {replicas - wanted}")
    return current("all replicas are available")
