"""What is remembered of Git hosts between deliveries: which comment belongs to an object, and who we are.

Whoever writes to a change request about an object does so alone, so that two events at once make one comment.
All of it may be forgotten at any time; it only saves requests.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from shared.lang.bounded import remember
from shared.locks import Locks

_MOST: Final = 5000


class Memory:
    """Remembers comments and facts by keys; of keys only digests are kept, so they may be secret."""

    def __init__(self, most: int = _MOST) -> None:
        """`most` is a number of comments, and of facts."""
        self._most = most
        self._comments: OrderedDict[bytes, int] = OrderedDict()
        self._facts: OrderedDict[bytes, str] = OrderedDict()
        self._locks: Locks[bytes] = Locks()

    def alone(self, *key: str) -> AbstractAsyncContextManager[None]:
        """Nobody else is in such a block with the same key."""
        return self._locks.hold(_digest(key))

    def comment(self, *key: str) -> int | None:
        """The comment that was kept."""
        return self._comments.get(_digest(key))

    def keep(self, comment: int, *key: str) -> None:
        """Remembers a comment."""
        remember(self._comments, _digest(key), comment, self._most)

    def forget(self, *key: str) -> None:
        """Forgets a comment."""
        self._comments.pop(_digest(key), None)

    async def fact(self, ask: Callable[[], Awaitable[str]], *key: str) -> str:
        """Something that does not change, asked for once."""
        digest = _digest(key)
        found = self._facts.get(digest)
        if found is None:
            found = await ask()
        remember(self._facts, digest, found, self._most)
        return found


def _digest(parts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
