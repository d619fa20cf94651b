"""What happened, or would happen, to objects: the change set that events and logs tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shared.ssa.identity import ObjectId


class Action(StrEnum):
    """What is done to an object; the values are part of events."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    DELETED = "deleted"

    @property
    def writes(self) -> bool:
        """Whether the cluster changes."""
        return self not in (Action.UNCHANGED, Action.SKIPPED)


@dataclass(frozen=True, slots=True)
class Change:
    """An object and what is done to it."""

    id: ObjectId
    action: Action

    @property
    def subject(self) -> str:
        """The object as people read it."""
        return self.id.display

    def __str__(self) -> str:
        return f"{self.subject} {self.action}"


def log_of(changes: Iterable[Change], *, only_writes: bool = False) -> str:
    """The change log, one line per object."""
    return "\n".join(str(change) for change in changes if change.action.writes or not only_writes)
