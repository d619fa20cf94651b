"""PersistentVolumeClaim: bound to a volume."""

from __future__ import annotations

from datetime import datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import text
from shared.status.kstatus.result import Result, current, in_progress


def status(obj: JsonObject, _now: datetime) -> Result:
    """By phase."""
    phase = text(obj, "status", "phase")
    if phase == "Bound":
        return current("the claim is bound")
    return in_progress(f"the claim is {phase.lower() or 'not bound'}")
