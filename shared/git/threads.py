"""Blocking work of libgit2 off the event loop, such that a cancelled caller never leaves it behind.

A thread can't be stopped, only asked. So whoever is cancelled asks (`stop` is set, `on_cancel` is called)
and then still waits for the end: nobody ever touches a repository that a forgotten thread is writing to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from threading import Event
from typing import TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The work was asked to stop, and did."""


async def run_in_thread(
    executor: Executor | None, work: Callable[[Event], T], on_cancel: Callable[[], None] | None = None
) -> T:
    """Run `work(stop)` in a thread; it looks at `stop` now and then and raises `Stopped`.

    Without an executor it is the event loop's own.
    """
    stop = Event()
    future = asyncio.get_running_loop().run_in_executor(executor, work, stop)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop.set()
        if on_cancel is not None:
            on_cancel()
        await _finished(future)
        raise


async def _finished(future: asyncio.Future[T]) -> None:
    """Wait whatever happens; a second cancel adds nothing to the first."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue
    if not future.cancelled():
        future.exception()  # looked at, so that nobody warns about it
