"""A work queue of keys with priorities and delays, with the semantics that Kubernetes controllers rely on.

Invariants: a key is in the queue at most once; a key that is being processed is never handed out a second
time, an add in between brings it back once it is done; adding again can only make a key more urgent,
never less.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from shared.kube.resources import ObjectKey
from shared.observe import metrics

#: A loop may call a timer too early by the resolution of its clock; what is due then is due.
_EARLY: Final = 1e-6
#: Priority of what was there at start-up: behind every fresh change.
BACKLOG: Final = -100
#: Priority of changes.
LIVE: Final = 0


class Taken(NamedTuple):
    """A key whose turn it is, and the last time that somebody asked for it, on the clock of the loop."""

    key: ObjectKey
    priority: int
    asked_at: float


@dataclass(slots=True)
class _Item:
    priority: int
    ready_at: float
    added_at: float
    asked_at: float
    ticket: int


class WorkQueue:
    """Keys that want a turn; all methods are to be called on the event loop."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: dict[ObjectKey, _Item] = {}
        self._ready: list[tuple[int, int, ObjectKey]] = []
        self._delayed: list[tuple[float, int, ObjectKey]] = []
        self._processing: dict[ObjectKey, float] = {}
        self._again: dict[ObjectKey, tuple[int, float, float]] = {}
        self._tickets = itertools.count()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._show()

    def __len__(self) -> int:
        """Keys that are due now."""
        return sum(1 for item in self._waiting.values() if item.ready_at <= self._loop.time() + _EARLY)

    def add(self, key: ObjectKey, *, priority: int = LIVE, after: float = 0.0) -> None:
        """Asks for a turn, `after` seconds from now at the earliest."""
        metrics.queue_adds.labels(self._name, self._name).inc()
        ready_at = self._loop.time() + max(after, 0.0)
        if key in self._processing:
            known = self._again.get(key, (priority, ready_at, ready_at))
            self._again[key] = (
                max(priority, known[0]),
                min(ready_at, known[1]),
                max(ready_at, known[2]),
            )
            return
        self._enqueue(key, priority, ready_at, ready_at)

    @property
    def closed(self) -> bool:
        """Whether nothing is handed out any more."""
        return self._closed

    async def wait(self) -> None:
        """Returns once a key is due, or at once when the queue is closed."""
        while not self._closed and not self._due():
            self._wake.clear()
            await self._wake.wait()

    def take(self) -> Taken | None:
        """Hands out the most urgent key that is due, for processing."""
        while not self._closed and self._due():
            _, ticket, key = heapq.heappop(self._ready)
            item = self._waiting.get(key)
            if item is None or item.ticket != ticket:
                continue
            del self._waiting[key]
            now = self._loop.time()
            self._processing[key] = now
            metrics.queue_duration.labels(self._name, self._name).observe(
                now - max(item.added_at, item.ready_at)
            )
            return Taken(key, item.priority, min(item.asked_at, now))
        return None

    def close(self) -> None:
        """Hands out nothing any more."""
        self._closed = True
        self._wake.set()

    def done(self, key: ObjectKey) -> None:
        """Processing ended; what was added meanwhile is queued now."""
        started = self._processing.pop(key)
        metrics.work_duration.labels(self._name, self._name).observe(self._loop.time() - started)
        again = self._again.pop(key, None)
        if again is not None:
            self._enqueue(key, *again)

    def _enqueue(self, key: ObjectKey, priority: int, ready_at: float, asked_at: float) -> None:
        known = self._waiting.get(key)
        now = self._loop.time()
        if known is not None:
            asked_at = known.asked_at = max(asked_at, known.asked_at)
            if priority <= known.priority and ready_at >= known.ready_at:
                return
            priority, ready_at = max(priority, known.priority), min(ready_at, known.ready_at)
        added_at = known.added_at if known else now
        item = _Item(priority, ready_at, added_at, asked_at, next(self._tickets))
        self._waiting[key] = item
        if ready_at <= now + _EARLY:
            heapq.heappush(self._ready, (-priority, item.ticket, key))
            self._wake.set()
        else:
            heapq.heappush(self._delayed, (ready_at, item.ticket, key))
            self._schedule()

    def _show(self) -> None:
        """Metrics that are reckoned when somebody asks for them."""
        for priority in (BACKLOG, LIVE):
            depth = metrics.queue_depth.labels(self._name, self._name, str(priority))
            depth.set_function(partial(self._depth, priority))
        metrics.unfinished_work.labels(self._name, self._name).set_function(lambda: sum(self._ages()))
        metrics.longest_work.labels(self._name, self._name).set_function(
            lambda: max(self._ages(), default=0.0)
        )

    def _depth(self, priority: int) -> int:
        due = self._loop.time() + _EARLY
        return sum(1 for item in self._waiting.values() if item.priority == priority and item.ready_at <= due)

    def _ages(self) -> list[float]:
        now = self._loop.time()
        return [now - started for started in self._processing.values()]

    def _due(self) -> bool:
        """Moves what has become due to the ready heap; says whether there is anything."""
        now = self._loop.time()
        while self._delayed and self._delayed[0][0] <= now + _EARLY:
            _, ticket, key = heapq.heappop(self._delayed)
            item = self._waiting.get(key)
            if item is not None and item.ticket == ticket:
                heapq.heappush(self._ready, (-item.priority, ticket, key))
        while self._ready and self._stale(self._ready[0]):
            heapq.heappop(self._ready)
        self._schedule()
        return bool(self._ready)

    def _stale(self, entry: tuple[int, int, ObjectKey]) -> bool:
        item = self._waiting.get(entry[2])
        return item is None or item.ticket != entry[1]

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._delayed:
            self._timer = self._loop.call_at(self._delayed[0][0], self._wake.set)
