"""How many children run at a time, so that one cluster that does not answer leaves room for the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from shared.kube.client import KubeClient
from shared.kube.discovery import Discovery


class RenderSlots:
    """Of one cluster, and of those that ask none, as many as there are processors; in all twice that."""

    def __init__(self, processors: int | None = None) -> None:
        self._each = processors or os.cpu_count() or 1
        self._all = asyncio.Semaphore(2 * self._each)
        self._local = asyncio.Semaphore(self._each)
        # The discovery stands for the cluster.
        self._of: WeakKeyDictionary[Discovery, asyncio.Semaphore] = WeakKeyDictionary()

    @asynccontextmanager
    async def of(self, client: KubeClient) -> AsyncIterator[None]:
        """A slot for a child that asks the cluster of a client."""
        own = self._of.setdefault(client.discovery, asyncio.Semaphore(self._each))
        async with own, self._all:
            yield

    @asynccontextmanager
    async def local(self) -> AsyncIterator[None]:
        """A slot for a child that asks no cluster."""
        async with self._local, self._all:
            yield
