"""Deliveries under way: a queue and a few workers for each Provider that has something to be told.

A Provider that is slow or hangs holds up nobody but itself. Workers come with the first delivery and go with
the last one, so an idle Provider costs nothing. The Provider is looked at when its turn comes: one that is
deleted or suspended by then gets nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import structlog

from notification_controller.dispatch.delivery import Delivery
from notification_controller.dispatch.lane import Lane
from notification_controller.dispatch.posting import Poster
from notification_controller.providers.book import ProviderBook, ProviderUnusable
from shared.kube.resources import ObjectKey
from shared.observe import metrics

_CAPACITY: Final = 1000
_WORKERS: Final = 4
_TOO_SLOW: Final = "its provider is too slow"
_STOPS: Final = "the controller stops"


class Closed(Exception):
    """The process stops: nothing is taken any more."""


class Deliveries:
    """All lanes, for as long as the block lasts."""

    def __init__(
        self,
        providers: ProviderBook,
        poster: Callable[[], Poster],
        *,
        capacity: int = _CAPACITY,
        workers: int = _WORKERS,
    ) -> None:
        """Each lane has a poster of its own."""
        self._providers = providers
        self._poster = poster
        self._capacity = capacity
        self._workers = workers
        self._lanes: dict[ObjectKey, _Worked] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._group = asyncio.TaskGroup()
        self._log = structlog.get_logger("event-server").bind(logger="event-server")

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for lane in self._lanes.values():
            lane.cancel()
        await self._group.__aexit__(kind, error, trace)

    def put(self, delivery: Delivery) -> None:
        """Queues a delivery; never blocks.

        Raises:
            Closed: too late.
        """
        if self._closed:
            raise Closed
        key = delivery.rule.provider
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Worked(self._capacity, self._poster())
            self._idle.clear()
            metrics.notification_queue.labels(*key).set_function(lane.waiting.__len__)
        dropped = lane.waiting.put(delivery)
        if dropped is not None:
            self._drop(dropped, _TOO_SLOW)
        if len(lane.tasks) < self._workers and lane.waiting.ready:
            task = self._group.create_task(self._work(key, lane), name=f"deliveries to {key}")
            lane.tasks.add(task)

    async def drain(self, seconds: float) -> None:
        """Takes nothing more, and returns when all is delivered; what is not in that time is dropped."""
        self._closed = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            for lane in self._lanes.values():
                lane.cancel()
                for delivery in lane.waiting.drain():
                    self._drop(delivery, _STOPS)

    async def _work(self, key: ObjectKey, lane: _Worked) -> None:
        try:
            while (delivery := lane.waiting.take()) is not None:
                try:
                    await self._deliver(key, lane.poster, delivery)
                except asyncio.CancelledError:
                    self._drop(delivery, _STOPS)
                    raise
                finally:
                    lane.waiting.done(delivery)
        finally:
            task = asyncio.current_task()
            lane.tasks.discard(task)
            if not lane.tasks and lane.waiting.idle:
                self._close(key)

    async def _deliver(self, key: ObjectKey, poster: Poster, delivery: Delivery) -> None:
        try:
            provider = self._providers.get(key)
        except ProviderUnusable as error:
            poster.warnings.not_dispatched(delivery.rule, delivery.event, str(error))
            return
        if not provider.suspended:
            await poster.post(provider, delivery)

    def _close(self, key: ObjectKey) -> None:
        del self._lanes[key]
        metrics.notification_queue.remove(*key)
        if not self._lanes:
            self._idle.set()

    def _drop(self, delivery: Delivery, why: str) -> None:
        try:
            kind = self._providers.get(delivery.rule.provider).spec.type.value
        except ProviderUnusable:
            kind = "unknown"
        metrics.notifications_dropped.labels(kind).inc()
        metrics.notifications.labels(kind, "dropped").inc()
        self._log.error(
            f"notification dropped, {why}",
            alert={"name": delivery.rule.key.name, "namespace": delivery.rule.key.namespace},
        )


class _Worked:
    """A lane with those who work on it."""

    def __init__(self, capacity: int, poster: Poster) -> None:
        self.waiting = Lane(capacity)
        self.poster = poster
        self.tasks: set[asyncio.Task[None]] = set()

    def cancel(self) -> None:
        for task in self.tasks:
            task.cancel()
