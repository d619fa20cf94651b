"""Records events without ever holding up a reconcile.

`record` puts an event into a bounded queue per sink and returns; workers send in the background, events
of one object in their order. When a queue is full the oldest event that is no error is dropped and
counted. On stop the queues are flushed for a few seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

import structlog

from shared.events.event import Event, Severity
from shared.observe import metrics

_CAPACITY: Final = 4096
_WORKERS: Final = 4
_FLUSH_SECONDS: Final = 5.0


class Sink(Protocol):
    """Where events go."""

    name: str

    def wants(self, event: Event) -> bool:
        """Whether the sink takes events of this kind at all."""

    async def send(self, event: Event) -> None:
        """Delivers one event; a failure is raised and logged, the event is then gone."""


class Recorder:
    """Fans events out to sinks."""

    def __init__(self, sinks: Iterable[Sink], *, capacity: int = _CAPACITY) -> None:
        self._lanes = [
            _Lane(sink.send, sink.name, capacity // _WORKERS, sink.wants)
            for sink in sinks
            for _ in range(_WORKERS)
        ]

    def record(self, event: Event) -> None:
        """Takes an event; never blocks, never raises."""
        shard = hash((event.subject.kind, event.subject.namespace, event.subject.name)) % _WORKERS
        for lane in self._lanes[shard::_WORKERS]:
            if lane.wants(event):
                lane.put(event)

    async def run(self) -> None:
        """Sends until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run(), name=f"events-{lane.name}")

    async def flush(self) -> None:
        """Waits until everything recorded was sent, for a few seconds at most; `run` must be running."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                for lane in self._lanes:
                    await lane.idle.wait()


class _Lane:
    """A bounded queue and its one sender."""

    def __init__(
        self,
        send: Callable[[Event], Awaitable[None]],
        name: str,
        capacity: int,
        wants: Callable[[Event], bool],
    ) -> None:
        self.name = name
        self.wants = wants
        self.idle = asyncio.Event()
        self.idle.set()
        self._send = send
        self._capacity = capacity
        self._waiting: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._log = structlog.get_logger("events").bind(sink=name)

    def put(self, event: Event) -> None:
        self._waiting.append(event)
        metrics.events_queued.labels(self.name).inc()
        if len(self._waiting) > self._capacity:
            self._drop_one()
        self.idle.clear()
        self._filled.set()

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            while self._waiting:
                event = self._waiting.popleft()
                try:
                    await self._send(event)
                except Exception as error:  # noqa: BLE001 - a sink in trouble must not end the lane
                    metrics.events_dropped.labels(self.name).inc()
                    self._log.info("event not delivered", reason=event.reason, error=str(error))
                metrics.events_queued.labels(self.name).dec()
            self._filled.clear()
            self.idle.set()

    def _drop_one(self) -> None:
        for index, event in enumerate(self._waiting):
            if event.severity is not Severity.ERROR:
                del self._waiting[index]
                break
        else:
            self._waiting.popleft()
        metrics.events_queued.labels(self.name).dec()
        metrics.events_dropped.labels(self.name).inc()
