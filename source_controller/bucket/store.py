"""What a bucket can be asked for, whoever keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol


class StoreError(Exception):
    """The store doesn't do what it was asked for; the text shows no secret that we sent."""


class ObjectGone(StoreError):
    """There is no object with this key."""


class ExtraMissing(Exception):
    """The libraries for this kind of store are not installed."""


class ObjectStore(Protocol):
    """One bucket, as somebody who may read it; everything raises `StoreError`."""

    async def exists(self) -> bool:
        """Whether the bucket is there; asked first."""

    async def read(self, key: str, limit: int) -> bytes:
        """A small object, of at most `limit` bytes.

        Raises:
            ObjectGone: it isn't there.
        """

    def listing(self, prefix: str) -> AsyncIterator[dict[str, str]]:
        """Keys and ETags of all objects whose key starts like this, a page at a time."""

    async def download(self, key: str, etag: str, file: Path) -> str:
        """Writes an object into a file; its ETag, which is another one if it has changed meanwhile.

        Raises:
            ObjectGone: it isn't there any more.
            OSError: the file can't be written.
        """


@asynccontextmanager
async def limited(limit: timedelta) -> AsyncIterator[None]:
    """What takes longer has failed."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            yield
    except TimeoutError as error:
        raise StoreError("context deadline exceeded") from error
