"""Kinds of sources whose objects may be there, and that this version does nothing for: it says so."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from shared.api.meta import CustomResource
from shared.runtime.outcome import Gone, Outcome, Stalled
from shared.runtime.turn import Turn
from shared.status.conditions import READY, RECONCILING, STALLED
from source_controller.artifacts import CommonReason

R = TypeVar("R", bound=CustomResource)

_OWNED: Final = frozenset({READY, RECONCILING, STALLED})


class UnservedReconciler(Generic[R]):
    """Tells whoever waits for an object that they wait in vain."""

    owned = _OWNED

    def __init__(self, kind: type[R]) -> None:
        self.kind = kind

    async def reconcile(self, obj: R, turn: Turn[R]) -> Outcome:
        """Nothing can help but another version."""
        del obj, turn
        return Stalled(CommonReason.UNSUPPORTED, f"{self.kind.KIND} is not supported by this version")

    async def finalize(self, obj: R, turn: Turn[R]) -> Outcome:
        """There is nothing to clean up."""
        del obj, turn
        return Gone()
