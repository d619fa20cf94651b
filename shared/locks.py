"""Locks by key, each there for as long as somebody needs it.

A lock goes when the last one is done who holds it or waits for it, and no earlier: between the moment when
one lets go and the next one gets hold of it, whoever comes would get another lock for the same key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Needed:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    by: int = 0


class Locks(Generic[K]):
    """Lets one in at a time for each key."""

    def __init__(self) -> None:
        self._needed: dict[K, _Needed] = {}

    def __len__(self) -> int:
        """How many keys somebody holds or waits for."""
        return len(self._needed)

    @asynccontextmanager
    async def hold(self, key: K) -> AsyncIterator[None]:
        """Nobody else is in such a block with the same key."""
        needed = self._needed.setdefault(key, _Needed())
        needed.by += 1
        try:
            async with needed.lock:
                yield
        finally:
            needed.by -= 1
            if not needed.by:
                del self._needed[key]
