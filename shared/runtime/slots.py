"""Worker slots: how many turns of a controller may be active at once.

A turn that only waits gives its slot back and takes one again when it goes on; turns that go on come
before new ones.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

_FRESH: Final = 0
_RESUMED: Final = 1


class Slots:
    """A semaphore with two classes of waiters."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._waiters: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())

    @property
    def busy(self) -> int:
        """Slots in use."""
        return self.count - self._free

    async def take(self, *, resumed: bool = False) -> None:
        """Waits for a slot."""
        if self._free > 0:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._waiters[_RESUMED if resumed else _FRESH]
        queue.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.give()
            else:
                # A `give` in between may have thrown the cancelled waiter out already.
                with suppress(ValueError):
                    queue.remove(waiter)
            raise

    def give(self) -> None:
        """Returns a slot; the next waiter gets it."""
        for queue in reversed(self._waiters):
            while queue:
                waiter = queue.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    return
        self._free += 1
