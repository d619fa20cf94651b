"""The frame around kinds without a status: their objects are only read, but something is to be kept in order.

A turn is: read the object from the cache, let its tender do what is to be done. One key never has two turns
at once; a failure is tried again with back-off; nothing that a tender raises costs another object its turn.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from shared.api.meta import StaticResource
from shared.kube.errors import KubeError
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.lang.json import JsonObject
from shared.observe import metrics
from shared.observe.clock import Clock
from shared.runtime.backoff import Backoff
from shared.runtime.controller import Policy
from shared.runtime.header import Header, asks_for_turn
from shared.runtime.queue import BACKLOG, LIVE, Taken, WorkQueue
from shared.runtime.slots import Slots
from shared.runtime.workers import work_off

H = TypeVar("H", bound=Header)


class Tender(Protocol):
    """What a kind adds to the frame."""

    @property
    def kind(self) -> type[StaticResource]:
        """The kind."""

    async def tend(self, key: ObjectKey, raw: JsonObject) -> timedelta | None:
        """Does what is to be done for an object; says when to come back without a change of it."""

    def forget(self, key: ObjectKey) -> None:
        """The object is gone."""


class StaticController(Generic[H]):
    """Runs one tender over all objects of its kind."""

    def __init__(self, tender: Tender, informer: Informer[H], clock: Clock, policy: Policy) -> None:
        self.model = tender.kind
        self.name = tender.kind.KIND.lower()
        self.informer = informer
        self._tender = tender
        self._clock = clock
        self._queue = WorkQueue(self.name)
        self._slots = Slots(policy.concurrent)
        self._backoff = Backoff(policy.min_retry, policy.max_retry)
        self._log = structlog.get_logger(self.name).bind(
            controller=self.name, controllerGroup=tender.kind.GROUP, controllerKind=tender.kind.KIND
        )
        informer.subscribe(self._on_change)
        metrics.begin(self.name, policy.concurrent)

    def trigger(self, key: ObjectKey) -> None:
        """Asks for a turn because of something else than the object itself."""
        if key in self.informer.store:
            self._queue.add(key, priority=LIVE)

    async def run(self) -> None:
        """Works until `stop`, then until the turns in progress have ended."""
        await work_off(self._queue, self._slots, self._work, self.name)

    def stop(self) -> None:
        """Takes no new keys."""
        self._queue.close()

    def _on_change(self, change: Change[H]) -> None:
        if asks_for_turn(change):
            self._queue.add(change.key, priority=BACKLOG if change.initial else LIVE)

    async def _work(self, taken: Taken) -> None:
        key, result, after = taken.key, "error", None
        metrics.active_workers.labels(self.name).set(self._slots.busy)
        started = self._clock.monotonic()
        try:
            after = await self._turn(key)
            result = "success" if after is None else "requeue_after"
        except KubeError as error:
            self._log.info(
                "turn broke off, retrying", namespace=key.namespace, name=key.name, error=str(error)
            )
            after = self._failed(key)
        except Exception as error:  # noqa: BLE001 - the outermost frame: nothing may end the process
            metrics.reconcile_panics.labels(self.name).inc()
            self._log.exception("unexpected error", namespace=key.namespace, name=key.name, error=str(error))
            after = self._failed(key)
        finally:
            self._slots.give()
            metrics.active_workers.labels(self.name).set(self._slots.busy)
            metrics.reconcile_total.labels(self.name, result).inc()
            metrics.reconcile_time.labels(self.name).observe(self._clock.monotonic() - started)
            self._queue.done(key)
        if after is not None and key in self.informer.store:
            self._queue.add(key, priority=taken.priority, after=after)

    async def _turn(self, key: ObjectKey) -> float | None:
        raw = self.informer.store.get(key)
        if raw is None:
            self._tender.forget(key)
            self._backoff.forget(key)
            return None
        again = await self._tender.tend(key, raw)
        self._backoff.forget(key)
        return again.total_seconds() if again is not None else None

    def _failed(self, key: ObjectKey) -> float:
        metrics.reconcile_errors.labels(self.name).inc()
        metrics.queue_retries.labels(self.name, self.name).inc()
        return self._backoff.next(key)
