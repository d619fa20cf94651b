"""One pass over one object: what the reconciler reads, says and writes while its turn lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import structlog

from shared.api import wire
from shared.events import Event, Recorder, Severity, Subject
from shared.kube.errors import KubeError
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject
from shared.observe.clock import Clock
from shared.runtime.outcome import Interrupted, Superseded
from shared.runtime.slots import Slots
from shared.status.conditions import READY, UNKNOWN, ConditionConflict
from shared.status.draft import StatusDraft, StatusWriter

R = TypeVar("R")
T = TypeVar("T")

#: A turn that ends sooner than this writes no progress.
_PROGRESS_AFTER: Final = 1.0


class Turn(Generic[R]):
    """Handed to a reconciler together with the decoded object."""

    def __init__(
        self,
        key: ObjectKey,
        raw: JsonObject,
        writer: StatusWriter,
        *,
        recorder: Recorder,
        slots: Slots,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        asked_at: float,
        cancel_waits: bool,
    ) -> None:
        self.key = key
        self.raw = raw
        self.draft = StatusDraft(raw)
        self.clock = clock
        self.log = log
        self.started = clock.monotonic()
        #: When somebody last asked for this turn, on the clock of the loop; what was learned since is news.
        self.asked_at = asked_at
        #: Metadata of the error event that the runtime records when the turn fails.
        self.metadata: dict[str, str] = {}
        #: Revision that the turn works on, for the log.
        self.revision = ""
        #: Tells whether what the object refers to has changed what the turn works with; without it any
        #: write there counts.
        self.outdated: Callable[[], Awaitable[bool]] | None = None
        self._writer = writer
        self._recorder = recorder
        self._slots = slots
        self._cancel_waits = cancel_waits
        self._superseded: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._doubted = asyncio.Event()
        self._doubted_by = ""
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._progress: asyncio.Task[None] | None = None
        self._unsaid = False
        self._write: asyncio.Task[None] | None = None

    @property
    def requested_at(self) -> str:
        """Value of the reconcile request annotation, or nothing."""
        return (self.raw["metadata"].get("annotations") or {}).get(wire.REQUESTED_AT) or ""

    @property
    def requested(self) -> bool:
        """Whether this turn answers a reconcile request that no turn has answered yet."""
        status = self.raw.get("status") or {}
        return bool(self.requested_at) and self.requested_at != status.get("lastHandledReconcileAt")

    @property
    def elapsed(self) -> timedelta:
        """How long the turn has lasted."""
        return timedelta(seconds=self.clock.monotonic() - self.started)

    def progress(self, message: str, *, reason: str = "Progressing", ready: str = "") -> None:
        """Says what is being done; written only if the turn lasts longer than a moment.

        Ready becomes Unknown when the caller knows that something has to change (`ready` is its message
        then), or when the object was not known to be ready or not.
        """
        conditions = self.draft.conditions
        conditions.mark_reconciling(reason, message)
        if ready or conditions.status(READY) == UNKNOWN:
            conditions.set(READY, UNKNOWN, reason, ready or message)
        self._unsaid = True
        if self._progress is None or self._progress.done():
            self._progress = asyncio.create_task(self._write_progress(), name=f"progress {self.key}")

    @property
    def known(self) -> JsonObject:
        """The object as the server last returned it."""
        return self._writer.known

    async def save(self) -> None:
        """Writes the status as drafted so far, now."""
        self.quiet()
        await self._writer.save(self.draft)

    async def park(self, waiting: Awaitable[T], *, yields: bool = True) -> T:
        """Waits without holding a worker; without `yields` only the end of the process cuts it short.

        Raises:
            Superseded: something new arrived for the object; the wait was cancelled.
            Interrupted: the process stops.
        """
        task = asyncio.ensure_future(waiting)
        doubts = asyncio.create_task(self._settle_doubts(), name=f"doubts {self.key}") if yields else None
        self._slots.give()
        try:
            ends: set[asyncio.Future[Any]] = {task, self._stopped}
            if yields:
                ends.add(self._superseded)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (task, doubts):
                if each is not None and not each.done():
                    each.cancel()
                    await asyncio.wait({each})
            await self._slots.take(resumed=True)
        if task.cancelled() and self._stopped.done():
            raise Interrupted
        if task.cancelled() and yields and self._superseded.done():
            raise Superseded(self._superseded.result())
        return task.result()

    async def linger(self, waiting: Awaitable[T]) -> T:
        """Waits without holding a worker, whatever happens meanwhile: for what must not be left half done."""
        self._slots.give()
        try:
            return await waiting
        finally:
            await self._slots.take(resumed=True)

    @asynccontextmanager
    async def elsewhere(self, slots: Slots) -> AsyncIterator[None]:
        """Goes on in a slot of other work than that of the controller, for as long as the block lasts."""
        own = self._slots
        own.give()
        try:
            await slots.take()
            self._slots = slots
            try:
                yield
            finally:
                self._slots = own
                slots.give()
        finally:
            await own.take(resumed=True)

    def supersede(self, by: str) -> None:
        """Something new arrived for the object; ends the wait of a parked turn where that is wanted."""
        if self._cancel_waits and not self._superseded.done():
            self._superseded.set_result(by)

    def doubt(self, by: str) -> None:
        """Something that the object refers to was written; ends the wait if the turn is outdated by it."""
        if self._cancel_waits:
            self._doubted_by = by
            self._doubted.set()

    async def _settle_doubts(self) -> None:
        while not self._superseded.done():
            await self._doubted.wait()
            self._doubted.clear()
            if self.outdated is None or await self.outdated():
                self.supersede(self._doubted_by)
                return

    def interrupt(self) -> None:
        """The process stops; ends the wait of a parked turn."""
        if not self._stopped.done():
            self._stopped.set_result(None)

    def event(
        self,
        severity: Severity,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Records an event about the object; its own event annotations are added to the metadata."""
        annotations = self.raw["metadata"].get("annotations") or {}
        own = {key: value for key, value in annotations.items() if key.startswith(wire.EVENT_PREFIX)}
        self._recorder.record(
            Event(
                Subject.of(self.raw),
                severity,
                reason,
                message,
                self.clock.now(),
                dict(metadata or {}) | own,
            )
        )

    async def close(self) -> None:
        """Writes the final status; nothing is written when nothing changed."""
        self.quiet()
        if self.requested_at:
            self.draft["lastHandledReconcileAt"] = self.requested_at
        await self._writer.save(self.draft)

    def quiet(self) -> None:
        """Gives up the progress whose writing has not begun."""
        if self._progress is not None:
            self._progress.cancel()
            self._progress = None

    async def _write_progress(self) -> None:
        while self._unsaid:
            await asyncio.sleep(_PROGRESS_AFTER)
            self._unsaid = False
            # What has been sent reaches the server, whether or not anybody waits for the answer; and without
            # the answer the next write would take the server's status for what it was before.
            self._write = asyncio.create_task(self._save_progress(), name=f"progress {self.key}")
            await asyncio.shield(self._write)

    async def _save_progress(self) -> None:
        try:
            await self._writer.save(self.draft)
        except (KubeError, ConditionConflict) as error:
            self.log.debug("progress not written", error=str(error))
