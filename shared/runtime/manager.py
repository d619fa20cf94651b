"""Starts and stops the parts of a controller process in order.

Start: health and metrics servers, what every replica runs (entrances and their caches), leadership, what
only the leader runs, controllers. Stop, on SIGTERM or SIGINT: entrances close and what they took in is
worked off, no new keys, running turns finish within the grace period, then everything is cancelled, events
are flushed and the lease is given back. A second signal ends the process at once.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from shared.api.meta import StaticResource
from shared.events import Recorder
from shared.kube.informer import Informer
from shared.observe.http import Server

#: What pods with entrances have is ten seconds; the rest of them is for events and for the lease.
_DRAINED: Final = 8.0
_GC_THRESHOLDS: Final = (50_000, 20, 50)


class Leadership(Protocol):
    """Decides when this replica may act."""

    async def acquire(self) -> None:
        """Returns once this replica is the leader."""

    async def hold(self) -> None:
        """Keeps the lease; raises when it is lost."""

    async def release(self) -> None:
        """Gives the lease back."""


class Works(Protocol):
    """A controller."""

    name: str
    informer: Informer[Any]

    @property
    def model(self) -> type[StaticResource]:
        """The kind of its objects."""

    async def run(self) -> None:
        """Works until `stop`, then until what is in progress has ended."""

    def stop(self) -> None:
        """Begins nothing new."""


class Entrance(Protocol):
    """A server that takes work from outside."""

    async def start(self) -> None:
        """Listens; raises OSError when that can't be."""

    async def stop(self) -> None:
        """Takes nothing more; what is open may end within a few seconds."""


@dataclass(slots=True)
class Parts:
    """What a controller process consists of."""

    recorder: Recorder
    informers: Sequence[Informer[Any]]
    controllers: Sequence[Works]
    servers: Sequence[Server]
    #: Servers that take work from outside, on every replica: they open first and close first.
    entrances: Sequence[Entrance] = ()
    #: Informers that every replica needs, whether it leads or not.
    shared_informers: Sequence[Informer[Any]] = ()
    #: Works off what the entrances took in, once they are closed, in at most so many seconds.
    drain: Sequence[Callable[[float], Awaitable[None]]] = ()
    #: Servers that only the leader runs, started before its controllers.
    leader_servers: Sequence[Server] = ()
    leadership: Leadership | None = None
    #: Further tasks that run as long as the controllers do.
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    #: The first of these to return begins a graceful stop, as a signal does.
    until: Sequence[Callable[[], Awaitable[None]]] = ()
    close: Sequence[Callable[[], Awaitable[None]]] = field(default_factory=tuple)
    #: How long running turns may go on after the process was asked to stop. Events and the lease may take
    #: five seconds each after that; Kubernetes kills what isn't gone at the end of the pod's grace period.
    grace_seconds: float = 30.0


class Manager:
    """Runs the parts until a signal asks to stop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stop = asyncio.Event()
        self._log = structlog.get_logger("setup")

    async def run(self) -> None:
        """Returns after a graceful stop; raises when a part that must not end did."""
        gc.set_threshold(*_GC_THRESHOLDS)
        self._catch_signals()
        async with AsyncExitStack() as stack:
            for close in self._parts.close:
                stack.push_async_callback(close)
            for server in self._parts.servers:
                await server.start()
                stack.push_async_callback(server.stop)
            async with asyncio.TaskGroup() as background:
                tasks = [background.create_task(self._parts.recorder.run(), name="events")]
                tasks += _watching(background, self._parts.shared_informers)
                leaving = background.create_task(self._entrances(), name="entrances")
                try:
                    await self._lead(background, tasks)
                    await leaving
                    await self._parts.recorder.flush()
                finally:
                    for task in tasks:
                        task.cancel()

    def stop(self) -> None:
        """Begins a graceful stop."""
        self._stop.set()

    async def _entrances(self) -> None:
        """Open until the stop, then worked off; both together in the time that the process has for it."""
        clock = asyncio.get_running_loop().time
        opened: list[Entrance] = []
        try:
            for server in self._parts.entrances:
                await server.start()
                opened.append(server)
            await self._stop.wait()
        finally:
            end = clock() + _DRAINED
            async with asyncio.TaskGroup() as group:
                for server in opened:
                    group.create_task(server.stop(), name="closing entrance")
        for drain in self._parts.drain:
            await drain(max(0.0, end - clock()))

    async def _lead(self, background: asyncio.TaskGroup, tasks: list[asyncio.Task[Any]]) -> None:
        leadership = self._parts.leadership
        if leadership is not None and not await self._unless_stopped(leadership.acquire()):
            return
        holding = background.create_task(leadership.hold(), name="lease") if leadership else None
        try:
            await self._work(background, tasks)
            await self._parts.recorder.flush()
        finally:
            if leadership is not None and holding is not None:
                # First no more renewing, or the lease would be taken back at once.
                holding.cancel()
                await asyncio.wait({holding})
                await asyncio.shield(leadership.release())

    async def _work(self, background: asyncio.TaskGroup, tasks: list[asyncio.Task[Any]]) -> None:
        parts = self._parts
        async with AsyncExitStack() as stack:
            for server in parts.leader_servers:
                await server.start()
                stack.push_async_callback(server.stop)
            tasks += _watching(background, parts.informers)
            for informer in (*parts.shared_informers, *parts.informers):
                if not await self._unless_stopped(informer.synced.wait()):
                    return
            gc.freeze()
            tasks += [background.create_task(_run(job), name="background") for job in parts.background]
            tasks += [background.create_task(self._stop_after(end), name="until") for end in parts.until]
            controllers = [
                background.create_task(controller.run(), name=f"controller {controller.name}")
                for controller in parts.controllers
            ]
            self._log.info("started", controllers=[controller.name for controller in parts.controllers])
            await self._stop.wait()
            self._log.info("stopping")
            for controller in parts.controllers:
                controller.stop()
            _, late = await asyncio.wait(controllers, timeout=parts.grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _stop_after(self, end: Callable[[], Awaitable[None]]) -> None:
        await end()
        self.stop()

    async def _unless_stopped(self, waiting: Awaitable[Any]) -> bool:
        """Whether the wait ended before the process was asked to stop."""
        task = asyncio.ensure_future(waiting)
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        return False

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def caught() -> None:
            if self._stop.is_set():
                os._exit(1)
            self._stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, caught)


def _watching(background: asyncio.TaskGroup, informers: Sequence[Informer[Any]]) -> list[asyncio.Task[Any]]:
    return [
        background.create_task(informer.run(), name=f"informer {informer.kind}") for informer in informers
    ]


async def _run(job: Callable[[], Awaitable[None]]) -> None:
    await job()
