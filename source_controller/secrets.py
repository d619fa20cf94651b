"""What becomes of a turn when a Secret isn't there or can't be used."""

from __future__ import annotations

from shared.runtime.outcome import Failure
from source_controller.artifacts import FETCH_FAILED, CommonReason


def refused(message: str) -> Failure:
    """What ends a turn for want of a Secret; it may come or change later."""
    return Failure(CommonReason.AUTHENTICATION_FAILED, message, condition=FETCH_FAILED)
