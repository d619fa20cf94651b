"""Decides how an event is written to Kubernetes: anew, as one more of the same, combined, or not at all.

The rules are those of the Kubernetes client library: equal events are counted in one Event object; more
than ten different messages of otherwise equal events within ten minutes become one combined event; an
object may have a burst of 25 writes and then one each five minutes.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.events.event import Event
from shared.lang.bounded import remember
from shared.observe.clock import Clock

_WINDOW_SECONDS: Final = 600.0
_SIMILAR: Final = 10
_BURST: Final = 25
_REFILL_SECONDS: Final = 300.0
_REMEMBERED: Final = 4096
_NAME_LIMIT: Final = 253
_COMBINED: Final = "(combined from similar events): "


@dataclass(frozen=True, slots=True)
class Written:
    """An Event object as it should be on the server."""

    event: Event
    name: str
    count: int
    first: datetime


@dataclass(slots=True)
class _Similar:
    messages: set[str]
    seen: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


class Correlator:
    """Remembers recent events, the least recently used are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written: OrderedDict[tuple[str, ...], Written] = OrderedDict()
        self._similar: OrderedDict[tuple[str, ...], _Similar] = OrderedDict()
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()
        self._names = itertools.count()

    def correlate(self, event: Event) -> Written | None:
        """What to write; `count` 1 means create, more means patch. None: the object's budget is used up."""
        now = self._clock.monotonic()
        event, key = self._combine(event, now)
        if not self._allow(event, now):
            return None
        known = self._written.get(key)
        if known is None:
            written = Written(event, self._name(event), 1, event.at)
        else:
            written = replace(known, event=event, count=known.count + 1)
        remember(self._written, key, written, _REMEMBERED)
        return written

    def _name(self, event: Event) -> str:
        """The subject's name with a suffix of its own; a long name makes room for it."""
        suffix = f"{int(event.at.timestamp() * 1e6):x}{next(self._names) & 0xFFF:03x}"
        return f"{event.subject.name[: _NAME_LIMIT - len(suffix) - 1].rstrip('.-')}.{suffix}"

    def forget(self, event: Event) -> None:
        """The server no longer has the Event: the next one is created anew."""
        for key in ((*_kind(event), event.message), _kind(event)):
            self._written.pop(key, None)

    def _combine(self, event: Event, now: float) -> tuple[Event, tuple[str, ...]]:
        kind = _kind(event)
        similar = self._similar.get(kind)
        if similar is None or now - similar.seen > _WINDOW_SECONDS:
            similar = _Similar(set(), now)
        similar.messages.add(event.message)
        similar.seen = now
        remember(self._similar, kind, similar, _REMEMBERED)
        if len(similar.messages) <= _SIMILAR:
            return event, (*kind, event.message)
        similar.messages.pop()
        return replace(event, message=_COMBINED + event.message), kind

    def _allow(self, event: Event, now: float) -> bool:
        key = (event.subject.kind, event.subject.namespace, event.subject.name, event.subject.uid)
        bucket = self._buckets.get(key) or _Bucket(_BURST, now)
        bucket.tokens = min(_BURST, bucket.tokens + (now - bucket.filled) / _REFILL_SECONDS)
        bucket.filled = now
        remember(self._buckets, key, bucket, _REMEMBERED)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def _kind(event: Event) -> tuple[str, ...]:
    subject = event.subject
    kubernetes_type = "Warning" if event.severity == "error" else "Normal"
    return (subject.kind, subject.namespace, subject.name, subject.uid, kubernetes_type, event.reason)
