"""Delays between retries of a key: doubling from a minimum to a maximum, forgotten at the first success."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import timedelta


class Backoff:
    """Counts failures per key."""

    def __init__(self, minimum: timedelta, maximum: timedelta) -> None:
        self._minimum = minimum.total_seconds()
        self._maximum = maximum.total_seconds()
        self._failures: dict[Hashable, int] = {}

    def next(self, key: Hashable) -> float:
        """Seconds to wait after one more failure of the key."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # Beyond 2^62 the product is past every maximum; the cap keeps the power small.
        return min(self._minimum * 2.0 ** min(failures, 62), self._maximum)

    def forget(self, key: Hashable) -> None:
        """The key succeeded or is gone."""
        self._failures.pop(key, None)


def jittered(interval: timedelta, percentage: int, uniform: Callable[[float, float], float]) -> float:
    """Seconds of an interval, to the millisecond, spread by plus or minus a percentage."""
    return max(round(interval.total_seconds() * (1 + uniform(-1.0, 1.0) * percentage / 100), 3), 0.001)
