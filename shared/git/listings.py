"""One listing of references for everybody who asked before it began.

Whoever wants to know what a remote has is content with any answer that was given after they asked: it is
as fresh as their own would be. So hundreds of objects that follow one repository, and become due at the
same time, list it once. Trouble is shared as well, for as long as the listing lasts.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

from shared.git.refs import Advertisement
from shared.lang.bounded import remember

_MOST: Final = 256
_OLDEST_SECONDS: Final = 10.0
"""However long somebody has waited for their turn: what they see is no older than this."""


@dataclass(frozen=True, slots=True)
class _Listing:
    began: float
    task: asyncio.Task[Advertisement]

    def serves(self, since: float) -> bool:
        """Whether the answer is, or will be, as good as a new one."""
        if self.task.done() and (self.task.cancelled() or self.task.exception() is not None):
            return False
        return self.began >= since


class Listings:
    """The newest listings by what was asked."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, _Listing] = OrderedDict()

    async def get(
        self, question: Hashable, ask: Callable[[], Awaitable[Advertisement]], since: float | None
    ) -> Advertisement:
        """An answer that began no earlier than `since`, on the clock of the loop; None wants a new one."""
        now = asyncio.get_running_loop().time()
        oldest = now if since is None else max(since, now - _OLDEST_SECONDS)
        known = self._known.get(question)
        if known is None or not known.serves(oldest):
            known = _Listing(now, asyncio.create_task(_run(ask), name="list references"))
            remember(self._known, question, known, _MOST)
        return await asyncio.shield(known.task)

    def outdate(self, concerns: Callable[[Any], bool]) -> None:
        """What was asked so far about something that has changed serves nobody who comes now."""
        for question in [question for question in self._known if concerns(question)]:
            del self._known[question]

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [listing.task for listing in self._known.values()]
        self._known.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run(ask: Callable[[], Awaitable[Advertisement]]) -> Advertisement:
    return await ask()
