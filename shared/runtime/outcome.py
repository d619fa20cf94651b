"""What a reconcile tells the runtime: values for what is expected, one exception family for what is not.

A wait of zero is none: only a change brings the object back then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Done:
    """All is as the object wants it; look again after `every`, or only when something changes.

    `reason` and `message` become Ready=True. With `announce` (event metadata) an info event tells that the
    reconciliation finished.
    """

    every: timedelta | None
    reason: str
    message: str
    announce: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is wrong, something is not there yet; a trigger or `after` brings the object back."""

    reason: str
    message: str
    after: timedelta | None


@dataclass(frozen=True, slots=True)
class Stalled:
    """Only an edit of the object, or a request, can help; with `after`, perhaps something else by then."""

    reason: str
    message: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The clean-up of a deleted object is done; its finalizer can go."""


@dataclass(frozen=True, slots=True)
class Told:
    """The reconciler has stated the conditions itself.

    The object comes back `after` a time, spread like an interval; `again` with back-off; with neither only a
    change brings it back. `observed` means that its generation was dealt with.
    """

    after: timedelta | None = None
    again: bool = False
    observed: bool = False


Outcome = Done | Waiting | Stalled | Gone | Told


class Failure(Exception):
    """Something failed and will be tried again, after `retry_after` or with back-off.

    `condition` names a negative condition that is set to True with the same reason and message, so that the
    cause stays visible beside Ready=False. `notify` False keeps the event at home. str() is the message.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        condition: str = "",
        notify: bool = True,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.condition = condition
        self.notify = notify
        self.retry_after = retry_after


class Superseded(Exception):
    """The object was triggered anew while its turn was parked; `by` is `<Kind>/<ns>/<name>`."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


class Interrupted(Exception):
    """The process stops while a turn is parked; nothing is said about it, the next process begins anew."""
