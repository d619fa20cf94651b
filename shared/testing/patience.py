"""What can't be watched is looked at again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

import pytest

T = TypeVar("T")

PATIENCE: Final = 20.0

_PAUSE: Final = 0.1


async def eventually(
    look: Callable[[], Awaitable[T]], met: Callable[[T], object] = bool, seconds: float = PATIENCE
) -> T:
    """Looks until `met` holds of what is seen, and gives that."""
    seen: list[T] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                seen[:] = [await look()]
                if met(seen[0]):
                    return seen[0]
                await asyncio.sleep(_PAUSE)
    raise pytest.fail.Exception(f"after {seconds:g} s there still is {seen}", pytrace=False)


def until(look: Callable[[], T], met: Callable[[T], object] = bool, seconds: float = PATIENCE) -> T:
    """The same, blocking."""
    deadline = time.monotonic() + seconds
    while not met(seen := look()):
        if time.monotonic() > deadline:
            raise pytest.fail.Exception(f"after {seconds:g} s there still is {seen}", pytrace=False)
        time.sleep(_PAUSE)
    return seen
