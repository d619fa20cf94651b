"""What the runtime keeps decoded of every object it reconciles, and which changes of it ask for a turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from shared.api import wire
from shared.kube.store import Change
from shared.lang.json import JsonObject


@dataclass(frozen=True, slots=True)
class Header:
    """Facts for predicates."""

    generation: int
    requested_at: str
    deleting: bool

    @classmethod
    def of(cls, obj: JsonObject) -> Header:
        """From an object in wire form; never raises."""
        metadata = obj["metadata"]
        annotations = metadata.get("annotations") or {}
        return cls(
            metadata.get("generation") or 0,
            annotations.get(wire.REQUESTED_AT) or "",
            metadata.get("deletionTimestamp") is not None,
        )


H = TypeVar("H", bound="Header")


def is_news(change: Change[H]) -> bool:
    """Creation, deletion, or a new generation: what is wanted may be something else now."""
    old, new = change.old, change.new
    if old is None or new is None:
        return True
    return new.generation != old.generation or new.deleting != old.deleting


def asks_for_turn(change: Change[H]) -> bool:
    """News, or a new reconcile request; not labels, not status."""
    before = change.old.requested_at if change.old else ""
    requested = change.new.requested_at if change.new else ""
    return is_news(change) or (bool(requested) and requested != before)
