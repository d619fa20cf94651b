"""What the end of a turn has to tell: an artifact that is new, or the end of a failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from shared.api.meta import Artifact
from shared.events import Severity
from shared.runtime.outcome import Done, Stalled
from shared.runtime.turn import Turn
from shared.status.conditions import TRUE
from source_controller.artifacts.conditions import (
    BUILDING,
    FETCH_FAILED,
    IN_STORAGE,
    OUTDATED,
    CommonReason,
    metadata_of,
)


@dataclass(frozen=True, slots=True)
class Before:
    """What was so when the turn began, to tell afterwards what is news."""

    digest: str
    failed: bool

    @classmethod
    def of(cls, turn: Turn[Any], failures: Iterable[str]) -> Self:
        """From the status as it was read; `failures` are the conditions whose end is worth telling."""
        artifact = turn.draft["artifact"] or {}
        return cls(artifact.get("digest") or "", any(map(turn.draft.conditions.holds, failures)))


def unchanged(artifact: Artifact, turn: Turn[Any]) -> None:
    """The remote has nothing new."""
    text = f"artifact up-to-date with remote revision: '{artifact.revision}'"
    turn.event(Severity.TRACE, CommonReason.UP_TO_DATE, text)


def outdated(turn: Turn[Any], text: str, reason: str = CommonReason.NEW_REVISION) -> None:
    """There is something new, where something old is being served."""
    turn.draft.conditions.set(OUTDATED, TRUE, reason, text)
    building(turn, text)


def building(turn: Turn[Any], text: str) -> None:
    """Why an artifact is being made."""
    message = f"{BUILDING}: {text}"
    turn.progress(message, ready=message)


def stalled(turn: Turn[Any], reason: str, message: str) -> Stalled:
    """Nothing can be fetched until somebody edits the object."""
    turn.draft.conditions.set(FETCH_FAILED, TRUE, reason, message)
    return Stalled(reason, message)


def in_storage(
    turn: Turn[Any],
    failures: Iterable[str],
    message: str,
    every: timedelta | None,
    reason: str = CommonReason.SUCCEEDED,
) -> Done:
    """The artifact is there, and nothing that failed before does any more."""
    conditions = turn.draft.conditions
    conditions.remove(*failures, OUTDATED)
    conditions.set(IN_STORAGE, TRUE, reason, message)
    return Done(every, reason, message)


def tell(artifact: Artifact, before: Before, text: str, turn: Turn[Any], reason: str = "") -> None:
    """A new artifact is news, and so is the end of a failure; without a reason each has its own."""
    if artifact.digest != before.digest:
        turn.event(Severity.INFO, reason or CommonReason.NEW_ARTIFACT, text, metadata_of(artifact))
        turn.log.info(text, revision=artifact.revision)
    elif before.failed:
        turn.event(Severity.INFO, reason or CommonReason.SUCCEEDED, text, metadata_of(artifact))
