"""CustomResourceDefinition: its names are accepted and its kind is served."""

from __future__ import annotations

from datetime import datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import conditions
from shared.status.kstatus.result import Result, current, failed, in_progress


def status(obj: JsonObject, _now: datetime) -> Result:
    """The first condition in the list that decides."""
    for found in conditions(obj):
        if found.type == "NamesAccepted" and found.is_false:
            return failed(found.message or "the names are not accepted")
        if found.type == "Established" and found.is_true:
            return current("the kind is established")
        if found.type == "Established" and found.is_false and found.reason != "Installing":
            return failed(found.message or "the kind is not established")
    return in_progress("the kind is being installed")
