"""StatefulSet: all replicas are ready and of the update revision, as far as the partition allows."""

from __future__ import annotations

from datetime import datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import number, optional_number, text
from shared.status.kstatus.result import Result, current, in_progress


def status(obj: JsonObject, _now: datetime) -> Result:
    """Counts replicas first, then looks at how far the update has come."""
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return current("updates on delete only")
    wanted = number(obj, "spec", "replicas", default=1)
    replicas = number(obj, "status", "replicas")
    ready = number(obj, "status", "readyReplicas")
    if wanted > replicas:
        return in_progress(f"replicas: {replicas}/{wanted}")
    if wanted > ready:
        return in_progress(f"ready: {ready}/{wanted}")
    if replicas > wanted:
        return in_progress(f"pending termination: {replicas - wanted}")
    return _update(obj, wanted)


def _update(obj: JsonObject, wanted: int) -> Result:
    partition = optional_number(obj, "spec", "updateStrategy", "rollingUpdate", "partition")
    if partition is not None:
        updated = number(obj, "status", "updatedReplicas")
        if updated < wanted - partition:
            return in_progress(f"updated: {updated}/{wanted - partition}")
        return current("the partition is rolled out")
    replicas = number(obj, "status", "currentReplicas")
    if wanted > replicas:
        return in_progress(f"current: {replicas}/{wanted}")
    if text(obj, "status", "currentRevision") != text(obj, "status", "updateRevision"):
        return in_progress("waiting for the update revision")
    return current("all replicas are scheduled and ready")
