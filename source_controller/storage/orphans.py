"""What is left of objects that went away while nobody watched: directories without an object.

Whether an object is there is asked of the API server itself; a cache may know a part of the objects only.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from shared.api.meta import CustomResource
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.observe.clock import Clock
from source_controller.storage.errors import StorageError
from source_controller.storage.layout import Layout, Place
from source_controller.storage.storage import Storage

_EVERY: Final = timedelta(hours=1)
_UNTOUCHED: Final = timedelta(hours=1)


class Orphans:
    """Looks for directories without an object, and removes those that nobody touched for an hour."""

    def __init__(
        self,
        storage: Storage,
        client: KubeClient,
        clock: Clock,
        kinds: Sequence[type[CustomResource]],
        namespace: str | None = None,
    ) -> None:
        """`namespace` is the only one that the controller works in; None stands for all."""
        self._storage = storage
        self._client = client
        self._clock = clock
        self._kinds = kinds
        self._namespace = namespace
        self._log = structlog.get_logger("storage")

    async def run(self) -> None:
        """Sweeps once an hour until it is cancelled; trouble is left to the next time."""
        while True:
            await asyncio.sleep(_EVERY.total_seconds())
            for kind in self._kinds:
                try:
                    await self.sweep(kind)
                except (KubeError, StorageError) as error:
                    self._log.error(
                        "artifacts without an object can't be removed", kind=kind.KIND, error=error
                    )

    async def sweep(self, kind: type[CustomResource]) -> list[Place]:
        """Removes what is left of objects of a kind; says what it was.

        Raises:
            KubeError: the API server doesn't tell which objects there are; nothing was removed.
            StorageError: a directory can't be removed.
        """
        found = await asyncio.to_thread(lambda: list(self._old(kind)))
        if not found:
            return []
        known = await self._objects(kind)
        orphans = [place for place in found if place not in known]
        for place in orphans:
            await self._storage.remove_all(place)
            self._log.info("removed artifacts without an object", directory=place.path)
        return orphans

    async def _objects(self, kind: type[CustomResource]) -> set[Place]:
        resource = await self._client.discovery.find(kind.GROUP, kind.KIND)
        listed = await self._client.list(resource, self._namespace, metadata_only=True)
        metadata = [item["metadata"] for item in listed["items"]]
        return {Place(kind.KIND, item["namespace"], item["name"]) for item in metadata}

    def _old(self, kind: type[CustomResource]) -> Iterator[Place]:
        """The directories of a kind in which nothing was written lately; blocks."""
        layout, limit = self._storage.layout, (self._clock.now() - _UNTOUCHED).timestamp()
        for namespace in _directories(layout.root / kind.KIND.lower()):
            if self._namespace and namespace.name != self._namespace:
                continue
            for directory in _directories(namespace):
                place = Place(kind.KIND, namespace.name, directory.name)
                if _is_ours(layout, place) and _written(directory) < limit:
                    yield place


def _is_ours(layout: Layout, place: Place) -> bool:
    try:
        layout.directory(place)
    except ValueError:
        return False
    return True


def _directories(path: Path) -> list[Path]:
    with suppress(FileNotFoundError), os.scandir(path) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _written(directory: Path) -> float:
    """When something in a directory was written last, in seconds of the epoch."""
    latest = directory.lstat().st_mtime
    with os.scandir(directory) as entries:
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(found.st_mode):
                latest = max(latest, found.st_mtime)
    return latest
