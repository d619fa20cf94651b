"""Requests by annotation: a release by force, counters to zero."""

from __future__ import annotations

from typing import Final

from helm_controller.helm_release.record import Record
from shared.api import wire
from shared.lang.json import JsonObject, mapping

_FORCE: Final = ("reconcile.fluxcd.io/forceAt", "lastHandledForceAt")
_RESET: Final = ("reconcile.fluxcd.io/resetAt", "lastHandledResetAt")


def takes_force(raw: JsonObject, record: Record) -> bool:
    """Whether a release by force is asked for; the request counts as answered from now on."""
    return _takes(raw, record, *_FORCE)


def takes_reset(raw: JsonObject, record: Record) -> bool:
    """Whether the counters are to be set to zero; the request counts as answered from now on."""
    return _takes(raw, record, *_RESET)


def _takes(raw: JsonObject, record: Record, annotation: str, field: str) -> bool:
    """A request only counts together with a reconcile request of the same value."""
    annotations = mapping(raw["metadata"].get("annotations"))
    value = str(annotations.get(annotation) or "")
    if not value or value == record.get(field):
        return False
    record.set(field, value)
    return bool(value == annotations.get(wire.REQUESTED_AT))
