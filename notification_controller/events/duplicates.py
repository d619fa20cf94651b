"""Equal events are delivered once in each window of time.

Windows of an event begin with its first occurrence and follow one another without a gap, so that two equal
events may pass shortly after one another when a window ends between them. Invariants: at most one passes in
each window; an event that could not be handed over is given back and counts as never seen; no more than so
many events are remembered, those seen last. Nothing outlives the process.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from notification_controller.event import Event
from notification_controller.events.metadata import ORIGIN_REVISION, REVISION, TOKEN, told
from shared.observe import metrics
from shared.observe.clock import Clock

_REMEMBERED: Final = 50_000
_NEVER: Final = -1


def key_of(event: Event) -> str:
    """What makes events equal; their severity, reason and API group do not."""
    involved = event.involved
    parts = [
        "event",
        f"name={involved.name}",
        f"namespace={involved.namespace}",
        f"kind={involved.kind}",
        f"message={event.message}",
    ]
    for name in (ORIGIN_REVISION, REVISION, TOKEN):
        value = told(event, name)
        if value is not None:
            parts.append(f"{name}={value}")
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


@dataclass(slots=True)
class _Windows:
    """Since when windows of an event are counted, in which one it passed last, and when it came last."""

    start: float
    passed: int
    touched: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an event passes, and when an equal one can pass again."""

    passes: bool
    again_at: datetime


class Duplicates:
    """Remembers events by what makes them equal."""

    def __init__(self, interval: timedelta, clock: Clock, *, most: int = _REMEMBERED) -> None:
        self._interval = interval.total_seconds()
        self._clock = clock
        self._most = most
        self._known: OrderedDict[str, _Windows] = OrderedDict()
        metrics.events_known.set_function(lambda: len(self._known))

    def __len__(self) -> int:
        return len(self._known)

    def judge(self, key: str) -> Verdict:
        """Lets an event pass if none that equals it has passed in this window."""
        now = self._clock.monotonic()
        self._sweep(now)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _Windows(now, _NEVER, now)
        known.touched = now
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        window = int((now - known.start) // self._interval)
        passes = window > known.passed
        if passes:
            known.passed = window
        rest = known.start + (window + 1) * self._interval - now
        return Verdict(passes, self._clock.now() + timedelta(seconds=rest))

    def give_back(self, key: str) -> None:
        """The event that passed could not be handed over: it counts as never seen."""
        self._known.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Forgets what was not seen for two intervals; the order is that of the last time."""
        while self._known:
            key = next(iter(self._known))
            if now - self._known[key].touched <= 2 * self._interval:
                return
            del self._known[key]
