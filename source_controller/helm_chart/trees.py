"""Artifacts of sources, unpacked for as long as charts are made from them.

Many charts come from one repository, and all are made anew at once when it has a new commit: they share one
tree. Nobody may write into it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Final

from shared.artifact.extract import ArchiveRefused, extract
from shared.git.threads import run_in_thread
from source_controller.helm_chart.sources import Stored

_CONTENT: Final = "content"


class TreeRefused(Exception):
    """The artifact of a source can't be unpacked."""


class _Tree:
    """One unpacked artifact, and how many use it."""

    def __init__(self, scratch: Path, file: Path) -> None:
        self.users = 0
        self._scratch = scratch
        self._file = file
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._lock = asyncio.Lock()

    async def path(self) -> Path:
        """Where it is; unpacked by who asks first."""
        async with self._lock:
            if self._folder is None:
                self._folder = await self._unpacked()
        return Path(self._folder.name) / _CONTENT

    async def remove(self) -> None:
        if self._folder is not None:
            await asyncio.to_thread(self._folder.cleanup)

    async def _unpacked(self) -> tempfile.TemporaryDirectory[str]:
        folder = await asyncio.to_thread(lambda: tempfile.TemporaryDirectory(dir=self._scratch))
        target = Path(folder.name) / _CONTENT

        def work(stop: Event) -> None:
            del stop
            target.mkdir()
            extract(self._file, target)

        try:
            await run_in_thread(None, work)
        except BaseException as error:
            await asyncio.to_thread(folder.cleanup)
            if isinstance(error, ArchiveRefused):
                raise TreeRefused(str(error)) from error
            if isinstance(error, OSError):
                raise TreeRefused(error.strerror or "input/output error") from error
            raise
        return folder


class Trees:
    """Unpacks artifacts."""

    def __init__(self, scratch: Path) -> None:
        """`scratch` is a directory for what is only needed for a moment."""
        self._scratch = scratch
        self._trees: dict[str, _Tree] = {}

    @asynccontextmanager
    async def open(self, stored: Stored) -> AsyncIterator[Path]:
        """The directory of an artifact, for as long as the block lasts.

        Raises:
            TreeRefused: it can't be unpacked.
        """
        key = f"{stored.artifact.path} {stored.artifact.digest}"
        tree = self._trees.setdefault(key, _Tree(self._scratch, stored.file))
        tree.users += 1
        try:
            yield await tree.path()
        finally:
            tree.users -= 1
            if not tree.users:
                self._trees.pop(key, None)
                await tree.remove()
