"""What the end of a turn tells: that something is ready again, or found something else than before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from shared.events import Severity
from shared.runtime.turn import Turn
from shared.status.conditions import READY, RECONCILING, STALLED

SUCCEEDED: Final = "Succeeded"


@dataclass(frozen=True, slots=True)
class Before:
    """What was said about an object when its turn began."""

    ready: bool
    message: str

    @classmethod
    def of(cls, turn: Turn[Any]) -> Self:
        """From the status as it was read."""
        conditions = turn.draft.conditions
        settled = not conditions.holds(RECONCILING) and not conditions.holds(STALLED)
        ready = conditions.get(READY)
        return cls(conditions.holds(READY) and settled, ready.message if ready else "")

    def tell(self, turn: Turn[Any], message: str, nothing_new: str) -> None:
        """An event of what is new; where nothing is, one that stays in the cluster."""
        if self.ready and self.message == message:
            turn.event(Severity.TRACE, SUCCEEDED, nothing_new)
        else:
            turn.event(Severity.INFO, SUCCEEDED, message)
