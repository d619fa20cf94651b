"""How often callers of one path may fail to prove who they are.

Beyond that a call still gets in if it is right, or somebody who knows no more than the path could lock its
owner out. So it is looked at as before; but no line is logged for it, and it is asked to wait. Secrets and
issuers limit by themselves how often they are asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from shared.kube.resources import ObjectKey
from shared.observe.clock import Clock

_BURST: Final = 20.0
_PER_SECOND: Final = 0.5
_TIDY: Final = 1024


@dataclass(slots=True)
class _Account:
    left: float
    at: float


class Budget:
    """Failed authentications per Receiver: a burst, and then one every two seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[ObjectKey, _Account] = {}

    def spent(self, key: ObjectKey) -> bool:
        """Whether there were too many failures lately."""
        account = self._accounts.get(key)
        return account is not None and self._now(account) < 1.0

    def charge(self, key: ObjectKey) -> None:
        """Counts a failure."""
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= _TIDY:
                self._tidy()
            account = self._accounts[key] = _Account(_BURST, self._clock.monotonic())
        account.left = max(self._now(account) - 1.0, 0.0)
        account.at = self._clock.monotonic()

    def wait(self, key: ObjectKey) -> int:
        """Whole seconds until the next failure is let through."""
        account = self._accounts.get(key)
        missing = 1.0 - self._now(account) if account is not None else 0.0
        return max(math.ceil(missing / _PER_SECOND), 1)

    def _now(self, account: _Account) -> float:
        return min(account.left + (self._clock.monotonic() - account.at) * _PER_SECOND, _BURST)

    def _tidy(self) -> None:
        """Forgets those who have their whole budget again."""
        whole = [key for key, account in self._accounts.items() if self._now(account) >= _BURST]
        for key in whole:
            del self._accounts[key]
