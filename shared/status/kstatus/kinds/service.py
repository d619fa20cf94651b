"""Service: a load balancer has a cluster IP; its external address is not waited for."""

from __future__ import annotations

from datetime import datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import text
from shared.status.kstatus.result import Result, current, in_progress


def status(obj: JsonObject, _now: datetime) -> Result:
    """All other types are complete when they exist."""
    if text(obj, "spec", "type") == "LoadBalancer" and not text(obj, "spec", "clusterIP"):
        return in_progress("the Service has no cluster IP")
    return current("the Service is ready")
