"""DaemonSet: a ready pod of the new template on every node that should have one."""

from __future__ import annotations

from datetime import datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import number, optional_number
from shared.status.kstatus.result import Result, current, in_progress

_COUNTS = (
    ("currentNumberScheduled", "scheduled"),
    ("updatedNumberScheduled", "updated"),
    ("numberAvailable", "available"),
    ("numberReady", "ready"),
)


def status(obj: JsonObject, _now: datetime) -> Result:
    """Without generations and a desired count the controller has not looked at it yet."""
    if optional_number(obj, "metadata", "generation") is None:
        return in_progress("the generation is not known")
    if optional_number(obj, "status", "observedGeneration") is None:
        return in_progress("the controller has not observed it yet")
    desired = optional_number(obj, "status", "desiredNumberScheduled")
    if desired is None:
        return in_progress("the desired number of pods is not known")
    for field, label in _COUNTS:
        count = number(obj, "status", field)
        if desired > count:
            return in_progress(f"{label}: {count}/{desired}")
    return current("all pods are scheduled and ready")
