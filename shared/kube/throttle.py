"""A limit on requests, for servers that have none themselves.

An API server with Priority and Fairness says so in every answer and asks for patience where it needs some;
then there is nothing to limit on this side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

_FAIRNESS: Final = "X-Kubernetes-PF-FlowSchema-UID"


class Throttle:
    """So many requests per second, and so many at once; a rate that is not positive means no limit."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = max(burst, 1)
        self._left = float(self._burst)
        self._counted_at = 0.0

    @property
    def limits(self) -> bool:
        """Whether anything is limited."""
        return self._rate > 0

    async def wait(self) -> None:
        """Returns when the next request may be sent."""
        if not self.limits:
            return
        now = asyncio.get_running_loop().time()
        self._left = min(self._burst, self._left + (now - self._counted_at) * self._rate) - 1
        self._counted_at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)

    def heed(self, headers: Mapping[str, str]) -> None:
        """Lifts the limit when an answer shows that the server knows how to limit."""
        if _FAIRNESS in headers:
            self._rate = 0.0
