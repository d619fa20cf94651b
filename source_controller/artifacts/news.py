"""What the end of a turn has to tell: an artifact that is new, or the end of a failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from shared.api.meta import Artifact
from shared.events import Severity
from shared.runtime.turn import Turn
from source_controller.artifacts.conditions import CommonReason, metadata_of


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


def tell(artifact: Artifact, before: Before, text: str, turn: Turn[Any], reason: str = "") -> None:
    """A new artifact is news, and so is the end of a failure; without a reason each has its own."""
    if artifact.digest != before.digest:
        turn.event(Severity.INFO, reason or CommonReason.NEW_ARTIFACT, text, metadata_of(artifact))
        turn.log.info(text, revision=artifact.revision)
    elif before.failed:
        turn.event(Severity.INFO, reason or CommonReason.SUCCEEDED, text, metadata_of(artifact))
