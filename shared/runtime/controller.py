"""The frame around a reconciler: everything that is the same for every kind.

A turn is: read the object from the cache; deleted and finalised, suspended, or reconciled; the outcome
becomes conditions, one final status patch, events, metrics and the next run. One key never has two turns
at once; nothing that a reconciler raises ends the process or costs another object its turn.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, Protocol, Self, TypeVar

import structlog

from shared.api import wire
from shared.api.decode import InvalidObject, decode
from shared.api.meta import CustomResource
from shared.events import Recorder, Severity
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NotFound, is_outage
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey, Resource
from shared.kube.store import Change
from shared.lang.duration import format_duration
from shared.lang.json import JsonObject
from shared.observe import metrics
from shared.observe.clock import Clock
from shared.runtime import conclude
from shared.runtime.backoff import Backoff, jittered
from shared.runtime.finalizers import Finalizers
from shared.runtime.header import Header, asks_for_turn, is_news
from shared.runtime.outcome import (
    Done,
    Failure,
    Gone,
    Interrupted,
    Outcome,
    Stalled,
    Superseded,
    Told,
    Waiting,
)
from shared.runtime.queue import BACKLOG, LIVE, Taken, WorkQueue
from shared.runtime.settings import Settings
from shared.runtime.slots import Slots
from shared.runtime.turn import Turn
from shared.runtime.workers import work_off
from shared.status.conditions import ConditionConflict
from shared.status.draft import StatusWriter

R = TypeVar("R", bound=CustomResource)
H = TypeVar("H", bound=Header)

_TERMINAL: Final = "reconciliation failed terminally"
#: Longest delay of a pass that the API server cut short. How long it was away says nothing about the object,
#: and everybody waits for the end of it.
_OUTAGE_DELAY: Final = timedelta(seconds=30)


class Reconciler(Protocol[R]):
    """What a kind adds to the frame."""

    kind: type[R]
    #: Condition types that this controller may overwrite.
    owned: frozenset[str]

    async def reconcile(self, obj: R, turn: Turn[R]) -> Outcome:
        """Brings the world to what the object wants."""

    async def finalize(self, obj: R, turn: Turn[R]) -> Outcome:
        """Cleans up after a deleted object; `Gone` lets it go."""


class Resting(Protocol):
    """Which objects of a kind are only there to be read by others, and what is to be done for those that
    were not always so.
    """

    def rests(self, raw: JsonObject) -> bool:
        """Whether an object in wire form gets no turns; it has neither a finalizer nor a status then."""

    async def retire(self, key: ObjectKey, raw: JsonObject) -> None:
        """Removes what earlier turns have left outside of the object; raises `Failure` where that fails."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a controller retries, spreads and writes; from its settings."""

    concurrent: int
    min_retry: timedelta
    max_retry: timedelta
    jitter_percentage: int
    manager: str
    #: Whether something new ends a wait.
    cancel_waits: bool = False
    #: Whether a mere request for a turn does so, too; otherwise it is answered after the wait.
    requests_cancel: bool = True

    @classmethod
    def of(
        cls,
        settings: Settings,
        manager: str,
        *,
        cancel_waits: bool = False,
        requests_cancel: bool = True,
    ) -> Self:
        """From the settings that all controllers have; `manager` is the field manager of status writes."""
        return cls(
            settings.concurrent,
            settings.min_retry_delay,
            settings.max_retry_delay,
            settings.interval_jitter_percentage,
            manager,
            cancel_waits,
            requests_cancel,
        )


@dataclass(frozen=True, slots=True)
class _Next:
    """When a key wants its next turn, and how the metrics call the result."""

    after: float | None
    result: str


class Controller(Generic[R, H]):
    """Runs one reconciler over all objects of its kind."""

    def __init__(
        self,
        reconciler: Reconciler[R],
        informer: Informer[H],
        client: KubeClient,
        recorder: Recorder,
        clock: Clock,
        policy: Policy,
        resting: Resting | None = None,
    ) -> None:
        self.kind = reconciler.kind.KIND
        self.name = self.kind.lower()
        self.informer = informer
        self._reconciler = reconciler
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._policy = policy
        self._resting = resting
        self._queue = WorkQueue(self.name)
        self._slots = Slots(policy.concurrent)
        self._finalizers = Finalizers(client, informer, policy.manager)
        self._backoff = Backoff(policy.min_retry, policy.max_retry)
        self._untold = Backoff(policy.min_retry, policy.max_retry)
        self._outages = Backoff(policy.min_retry, min(policy.max_retry, _OUTAGE_DELAY))
        self._turns: dict[ObjectKey, Turn[R]] = {}
        self._log = structlog.get_logger(self.name).bind(
            controller=self.name, controllerGroup=reconciler.kind.GROUP, controllerKind=self.kind
        )
        informer.subscribe(self._on_change)
        metrics.begin(self.name, policy.concurrent)

    @property
    def model(self) -> type[R]:
        """The kind of its objects."""
        return self._reconciler.kind

    def trigger(self, key: ObjectKey, by: str) -> None:
        """Asks for a turn because of something else than the object itself; `by` is `<Kind>/<ns>/<name>`."""
        if key in self.informer.store:
            self._queue.add(key, priority=LIVE)
            self._supersede(key, by)

    def trigger_by_config(self, key: ObjectKey, by: str) -> None:
        """As `trigger`, because of a write to something that may have changed nothing for the object."""
        if key in self.informer.store:
            self._queue.add(key, priority=LIVE)
            turn = self._cancelable(key)
            if turn is not None:
                turn.doubt(by)

    async def run(self) -> None:
        """Works until `stop`, then until the turns in progress have ended."""
        await work_off(self._queue, self._slots, self._work, self.name)

    def stop(self) -> None:
        """Takes no new keys; turns that only wait are ended, the others may finish."""
        self._queue.close()
        for turn in self._turns.values():
            turn.interrupt()

    def _on_change(self, change: Change[H]) -> None:
        if not asks_for_turn(change) or self._sleeps(change.key):
            return
        self._queue.add(change.key, priority=BACKLOG if change.initial else LIVE)
        if not change.initial and (self._policy.requests_cancel or is_news(change)):
            self._supersede(change.key, f"{self.kind}/{change.key}")

    def _supersede(self, key: ObjectKey, by: str) -> None:
        turn = self._cancelable(key)
        if turn is not None:
            turn.supersede(by)

    def _cancelable(self, key: ObjectKey) -> Turn[R] | None:
        """The turn that makes room for another one; a suspended object would not get any."""
        turn = self._turns.get(key)
        raw = self.informer.store.get(key) if turn is not None else None
        return None if raw is None or _is_suspended(raw) else turn

    async def _work(self, taken: Taken) -> None:
        key = taken.key
        metrics.active_workers.labels(self.name).set(self._slots.busy)
        started = self._clock.monotonic()
        following = _Next(None, "error")
        try:
            following = await self._pass(key, taken.asked_at)
        except KubeError as error:
            self._log.info(
                "turn broke off, retrying", namespace=key.namespace, name=key.name, error=str(error)
            )
            metrics.reconcile_errors.labels(self.name).inc()
            following = self._broken_off(key, error)
        except Exception as error:  # noqa: BLE001 - the outermost frame: nothing may end the process
            metrics.reconcile_errors.labels(self.name).inc()
            metrics.reconcile_panics.labels(self.name).inc()
            self._log.exception("unexpected error", namespace=key.namespace, name=key.name, error=str(error))
            following = self._retry(key)
        finally:
            turn = self._turns.pop(key, None)
            if turn is not None:
                turn.quiet()
            self._slots.give()
            metrics.active_workers.labels(self.name).set(self._slots.busy)
            metrics.reconcile_total.labels(self.name, following.result).inc()
            metrics.reconcile_time.labels(self.name).observe(self._clock.monotonic() - started)
            self._queue.done(key)
            if following.after is not None and key in self.informer.store:
                self._queue.add(key, priority=taken.priority, after=following.after)

    async def _pass(self, key: ObjectKey, asked_at: float) -> _Next:
        raw = self.informer.store.get(key)
        if raw is None:
            self._forget(key)
            return _Next(None, "success")
        if self._rests(raw):
            return await self._retire(key, raw)
        return await self._have_turn(key, raw, asked_at)

    async def _have_turn(self, key: ObjectKey, raw: JsonObject, asked_at: float) -> _Next:
        resource = await self._client.discovery.find(self._reconciler.kind.GROUP, self.kind)
        deleting = raw["metadata"].get("deletionTimestamp") is not None
        finalizers = raw["metadata"].get("finalizers") or []
        if wire.FINALIZER not in finalizers:
            if deleting:
                return _Next(None, "success")
            await self._finalizers.write(resource, raw, [*finalizers, wire.FINALIZER])
            return _Next(0.0, "requeue")
        # News must not cut a clean-up short: nothing new is going to be applied.
        cancel_waits = self._policy.cancel_waits and not deleting
        turn = self._open(key, raw, resource, asked_at, cancel_waits=cancel_waits)
        result = await self._attempt(turn, deleting=deleting)
        if isinstance(result, Gone):
            rest = [name for name in finalizers if name != wire.FINALIZER]
            await self._finalizers.write(resource, turn.known, rest)
            self._forget(key)
            return _Next(None, "success")
        if isinstance(result, Interrupted):
            turn.quiet()
            return _Next(None, "requeue")
        following = await asyncio.shield(self._close(turn, self._settle(turn, result)))
        metrics.reconcile_duration.labels(self.kind, key.name, key.namespace).observe(
            turn.elapsed.total_seconds()
        )
        return following

    def _sleeps(self, key: ObjectKey) -> bool:
        """Whether an object rests and has nothing left of turns; others are not even decoded."""
        raw = self.informer.store.get(key) if self._resting is not None else None
        return raw is not None and self._rests(raw) and not self._to_retire(raw)

    def _rests(self, raw: JsonObject) -> bool:
        return self._resting is not None and self._resting.rests(raw)

    @staticmethod
    def _to_retire(raw: JsonObject) -> bool:
        """Whether something is left of turns; a suspended object keeps it, unless it is being deleted."""
        left = bool(raw.get("status")) or wire.FINALIZER in (raw["metadata"].get("finalizers") or ())
        return left and not _is_suspended(raw)

    async def _retire(self, key: ObjectKey, raw: JsonObject) -> _Next:
        """Takes status and finalizer away from an object that rests."""
        self._forget(key)
        if self._resting is None or not self._to_retire(raw):
            return _Next(None, "success")
        resource = await self._client.discovery.find(self._reconciler.kind.GROUP, self.kind)
        try:
            await self._resting.retire(key, raw)
            if raw.get("status"):
                raw = await self._empty_status(resource, key, raw)
        except NotFound:
            return _Next(None, "success")
        except Failure as error:
            self._log.error("unable to retire", namespace=key.namespace, name=key.name, error=error.message)
            return self._retry(key)
        finalizers = raw["metadata"].get("finalizers") or []
        if wire.FINALIZER in finalizers:
            rest = [name for name in finalizers if name != wire.FINALIZER]
            await self._finalizers.write(resource, raw, rest)
        return _Next(None, "success")

    async def _empty_status(self, resource: Resource, key: ObjectKey, raw: JsonObject) -> JsonObject:
        """Each field goes by itself: a status that is missing gets its default again."""
        patch: JsonObject = {"status": dict.fromkeys(raw["status"])}
        updated = await self._client.merge_patch(
            resource, key.namespace, key.name, patch, manager=self._policy.manager, subresource="status"
        )
        self.informer.absorb(updated)
        return updated

    def _open(
        self, key: ObjectKey, raw: JsonObject, resource: Resource, asked_at: float, *, cancel_waits: bool
    ) -> Turn[R]:
        writer = StatusWriter(
            self._client,
            resource,
            raw,
            manager=self._policy.manager,
            owned=self._reconciler.owned,
            now=self._clock.now,
            absorb=self.informer.absorb,
        )
        log = self._log.bind(
            **{self.kind: {"name": key.name, "namespace": key.namespace}},
            namespace=key.namespace,
            name=key.name,
            reconcileID=str(uuid.uuid4()),
        )
        turn: Turn[R] = Turn(
            key,
            raw,
            writer,
            recorder=self._recorder,
            slots=self._slots,
            clock=self._clock,
            log=log,
            asked_at=asked_at,
            cancel_waits=cancel_waits,
        )
        self._turns[key] = turn
        return turn

    async def _attempt(  # noqa: PLR0911 - a table of answers
        self, turn: Turn[R], *, deleting: bool
    ) -> Outcome | Failure | Superseded | Interrupted | None:
        """The reconciler's answer; None for a suspended object."""
        try:
            obj = decode(self._reconciler.kind, turn.raw)
            if deleting:
                return await self._reconciler.finalize(obj, turn)
            if obj.suspended:
                turn.log.info("Reconciliation is suspended for this object")
                return None
            return await self._reconciler.reconcile(obj, turn)
        except (Failure, Superseded, Interrupted) as result:
            return result
        except InvalidObject as error:
            return Stalled("InvalidObject", str(error))
        except (KubeError, ConditionConflict) as error:
            return Failure("Failed", str(error))
        except Exception as error:  # a defect of ours: this object reports it, all others go on
            metrics.reconcile_panics.labels(self.name).inc()
            turn.log.exception("unexpected error", error=str(error))
            return Failure(
                "Failed", f"internal error ({type(error).__name__}), see the log of the controller"
            )

    def _settle(  # noqa: PLR0911 - a table of answers
        self, turn: Turn[R], result: Outcome | Failure | Superseded | None
    ) -> _Next:
        """Turns the answer into conditions, log, event and next run."""
        match result:
            case None:
                conclude.suspended(turn.draft)
                self._backoff.forget(turn.key)
                return _Next(None, "success")
            case Done():
                conclude.done(turn.draft, result)
                self._backoff.forget(turn.key)
                self._announce(turn, result)
                if not result.every:
                    return _Next(None, "success")
                return _Next(self._spread(result.every), "requeue_after")
            case Waiting():
                conclude.waiting(turn.draft, result)
                self._backoff.forget(turn.key)
                turn.log.info(result.message)
                return _Next(_seconds(result.after), "requeue_after")
            case Stalled():
                conclude.stalled(turn.draft, result)
                metrics.reconcile_errors.labels(self.name).inc()
                metrics.terminal_errors.labels(self.name).inc()
                turn.log.error(_TERMINAL, error=result.message, reason=result.reason)
                turn.event(Severity.ERROR, result.reason, result.message, turn.metadata)
                return _Next(_seconds(result.after), "error")
            case Told():
                return self._told(turn, result)
            case Superseded():
                return self._supersede_outcome(turn, result)
            case Failure():
                return self._failed(turn, result)
            case _:
                raise AssertionError(result)

    def _told(self, turn: Turn[R], told: Told) -> _Next:
        if told.observed:
            turn.draft.observe()
        if told.again:
            return self._retry(turn.key)
        self._backoff.forget(turn.key)
        return _Next(self._spread(told.after) if told.after else None, "requeue_after")

    def _announce(self, turn: Turn[R], done: Done) -> None:
        message = f"Reconciliation finished in {format_duration(turn.elapsed)}, {_next('run', done.every)}"
        turn.log.info(message, revision=turn.revision)
        if done.announce is not None:
            turn.event(Severity.INFO, done.reason, message, done.announce)

    def _supersede_outcome(self, turn: Turn[R], result: Superseded) -> _Next:
        conclude.canceled(turn.draft, result.by)
        turn.log.info("New reconciliation triggered, canceling health checks", trigger=result.by)
        message = f"Health checks canceled due to new reconciliation triggered by {result.by}"
        turn.event(Severity.INFO, "HealthCheckCanceled", message, turn.metadata)
        return _Next(0.0, "requeue")

    def _failed(self, turn: Turn[R], failure: Failure) -> _Next:
        conclude.failed(turn.draft, failure)
        metrics.reconcile_errors.labels(self.name).inc()
        following = self._retry(turn.key)
        if failure.retry_after is not None:
            self._backoff.forget(turn.key)
            following = _Next(_seconds(failure.retry_after), "error")
        wait = timedelta(seconds=round(following.after or 0, 3))
        message = f"Reconciliation failed after {format_duration(turn.elapsed)}, {_next('try', wait)}"
        turn.log.error(message, error=failure.message, reason=failure.reason, revision=turn.revision)
        if failure.notify:
            turn.event(Severity.ERROR, failure.reason, failure.message, turn.metadata)
        return following

    async def _close(self, turn: Turn[R], following: _Next) -> _Next:
        """Writes the final status; where that fails the whole pass is repeated."""
        try:
            await turn.close()
        except NotFound:
            return _Next(None, following.result)
        except (KubeError, ConditionConflict) as error:
            turn.log.info("status not written, retrying", error=str(error))
            return self._broken_off(turn.key, error)
        self._untold.forget(turn.key)
        self._outages.forget(turn.key)
        return following

    def _broken_off(self, key: ObjectKey, error: KubeError | ConditionConflict) -> _Next:
        """When to begin again after a pass whose result could not be told, be it a good or a bad one."""
        if not is_outage(error):
            return self._retry(key, self._untold)
        # What failed in it failed for want of the API server, too.
        self._backoff.forget(key)
        return self._retry(key, self._outages)

    def _retry(self, key: ObjectKey, backoff: Backoff | None = None) -> _Next:
        metrics.queue_retries.labels(self.name, self.name).inc()
        return _Next((backoff or self._backoff).next(key), "error")

    def _spread(self, interval: timedelta) -> float:
        return jittered(interval, self._policy.jitter_percentage, random.uniform)

    def _forget(self, key: ObjectKey) -> None:
        for delays in (self._backoff, self._untold, self._outages):
            delays.forget(key)
        metrics.forget(self.kind, key.namespace, key.name)


def _seconds(wait: timedelta | None) -> float | None:
    """Until the next turn; an object whose wait is zero does not come back by itself."""
    return wait.total_seconds() if wait else None


def _next(what: str, wait: timedelta | None) -> str:
    return f"next {what} in {format_duration(wait)}" if wait else f"no next {what} before a change"


def _is_suspended(raw: JsonObject) -> bool:
    """Whether no turn is made for an object; one that is being deleted gets its last."""
    return (raw.get("spec") or {}).get("suspend") is True and not raw["metadata"].get("deletionTimestamp")
