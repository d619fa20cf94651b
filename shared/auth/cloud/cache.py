"""Tokens that are kept for a part of their life, so that not every turn asks for a new one.

A token is given away for four fifths of its life at most, and never longer than the limit. Two clocks watch
over that: a machine that slept has a wall clock that went on, one that was set back has a monotonic one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar

from shared.locks import Locks
from shared.observe import metrics
from shared.observe.clock import Clock

LONGEST: Final = timedelta(hours=1)
_PART: Final = 0.8


class Expiring(Protocol):
    """Something that is good until some time."""

    @property
    def expires_at(self) -> datetime:
        """When it ends, UTC."""


T = TypeVar("T", bound=Expiring)


@dataclass(frozen=True, slots=True)
class User:
    """The object that a token is for, for the metrics, and what it does."""

    kind: str
    namespace: str
    name: str
    operation: str = "reconcile"


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    monotonic: float
    wall: datetime


class TokenCache:
    """Keeps the tokens that were used last."""

    def __init__(self, clock: Clock, size: int, longest: timedelta = LONGEST) -> None:
        """`size` is a number of tokens; 0 keeps none. Nothing is kept for longer than `longest`."""
        self._clock = clock
        self._size = size
        self._longest = min(longest, LONGEST)
        self._kept: OrderedDict[str, _Kept[Any]] = OrderedDict()
        self._making: Locks[str] = Locks()

    async def get(self, parts: Iterable[str], make: Callable[[], Awaitable[T]], user: User) -> T:
        """The token that is described by parts, which may be secret; whoever asks meanwhile gets the same."""
        if self._size <= 0:
            return await make()
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        async with self._making.hold(key):
            found = self._fresh(key)
            event = "cache_miss" if found is None else "cache_hit"
            metrics.token_cache_events.labels(
                event, user.kind, user.name, user.namespace, user.operation
            ).inc()
            return found if found is not None else await self._made(key, make)

    def forget(self, holds: Callable[[Any], bool]) -> None:
        """Forgets tokens of which something holds, because somebody refused them."""
        for key in [key for key, kept in self._kept.items() if holds(kept.value)]:
            del self._kept[key]
        self._count()

    def _fresh(self, key: str) -> Any:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._clock.monotonic() >= kept.monotonic or self._clock.now() >= kept.wall:
            del self._kept[key]
            self._count()
            return None
        self._kept.move_to_end(key)
        return kept.value

    async def _made(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        try:
            value = await make()
        except BaseException:
            metrics.token_cache_requests.labels("failure").inc()
            raise
        metrics.token_cache_requests.labels("success").inc()
        life = min((value.expires_at - self._clock.now()) * _PART, self._longest)
        if life > timedelta():
            self._kept[key] = _Kept(
                value, self._clock.monotonic() + life.total_seconds(), self._clock.now() + life
            )
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
                metrics.token_cache_evictions.inc()
            self._count()
        return value

    def _count(self) -> None:
        metrics.token_cached_items.set(len(self._kept))
