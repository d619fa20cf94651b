"""An `Inbox` in a thread of its own: it takes what processes send while a test waits for it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Final, Self

from shared.testing.inbox import Inbox, Received

_PATIENCE: Final = 30.0
_PAUSE: Final = 0.02


class Mailbox:
    """Listens for as long as the block lasts."""

    def __init__(self, inbox: Inbox | None = None) -> None:
        self.inbox = inbox or Inbox()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mailbox")

    @property
    def url(self) -> str:
        """The address, without a path."""
        return self.inbox.url

    def at(self, path: str) -> list[Received]:
        """What came for a path, in order."""
        return [each for each in tuple(self.inbox.received) if each.target.partition("?")[0] == path]

    def wait(self, path: str, count: int = 1, timeout: float = _PATIENCE) -> list[Received]:
        """What came for a path, once there are so many; blocks its thread.

        Raises:
            TimeoutError: there were fewer.
        """
        self.until(lambda: len(self.at(path)) >= count, f"{count} requests for {path}", timeout)
        return self.at(path)

    def until(self, met: Callable[[], bool], what: str, timeout: float = _PATIENCE) -> None:
        """Waits until something holds of what came; blocks its thread.

        Raises:
            TimeoutError: it did not come to that.
        """
        deadline = time.monotonic() + timeout
        while not met():
            if time.monotonic() > deadline:
                seen = [each.target for each in tuple(self.inbox.received)]
                raise TimeoutError(f"no {what} within {timeout:g} s, but {seen}")
            time.sleep(_PAUSE)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self.inbox.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self.inbox.__aexit__(kind, error, trace))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, doing: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(doing, self._loop).result(_PATIENCE)
