"""How a caller waits: in place, or giving way to other work meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

#: Waits; may end the wait by raising.
Park = Callable[[Awaitable[None]], Awaitable[None]]


async def stay(waiting: Awaitable[None]) -> None:
    """Waits in place."""
    await waiting
