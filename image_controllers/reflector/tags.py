"""The tags of repositories, in files: a cache that can always be filled again from the registries.

Each ImageRepository has a folder with its tags, one in a line, in the descending order of their bytes. Long
lists are compressed. A list is replaced as a whole or not at all; nothing of it stays in memory.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from shared.kube.resources import ObjectKey

_KIND: Final = "imagerepository"
_PLAIN: Final = "tags.txt"
_COMPRESSED: Final = "tags.txt.gz"
_TEMPORARY: Final = "."
_LEVEL: Final = 6

T = TypeVar("T")


class TagsError(Exception):
    """The files can't be read or written; str() says why."""


class _Damaged(Exception):
    """The file of a repository isn't as it was written; it is gone now."""


class Tags:
    """The tags of all repositories below one folder."""

    def __init__(self, root: Path, compress_at: int) -> None:
        """Lists of at least `compress_at` bytes are compressed; 0 compresses none."""
        self._root = root / _KIND
        self._compress_at = compress_at
        self._arrivals: dict[ObjectKey, asyncio.Event] = {}
        self._on_damage: list[Callable[[ObjectKey], None]] = []

    def on_damage(self, listener: Callable[[ObjectKey], None]) -> None:
        """From now on a listener hears of the repositories whose tags are lost, as their file is damaged."""
        self._on_damage.append(listener)

    def any(self, key: ObjectKey) -> bool:
        """Whether there is a tag of a repository."""
        return self._file(key) is not None

    async def replace(self, key: ObjectKey, tags: Sequence[str]) -> None:
        """Keeps the tags of a repository; they come in descending order.

        Raises:
            TagsError: they can't be written; those from before are kept.
        """
        await _off_loop(self._replace, key, tags)
        arrival = self._arrivals.pop(key, None)
        if arrival is not None:
            arrival.set()

    async def arrival(self, key: ObjectKey, limit: timedelta) -> None:
        """Returns once there are tags of a repository, or after a while without."""
        if not self.any(key):
            arrival = self._arrivals.setdefault(key, asyncio.Event())
            with suppress(TimeoutError):
                async with asyncio.timeout(limit.total_seconds()):
                    await arrival.wait()

    async def reduce(self, key: ObjectKey, work: Callable[[Iterator[str]], T]) -> T:
        """What a function makes of the tags of a repository, one after the other; it runs in a thread.

        Tags of a damaged file are lost, and there are none.

        Raises:
            TagsError: they can't be read.
        """
        try:
            return await _off_loop(self._reduce, key, work)
        except _Damaged:
            for listener in self._on_damage:
                listener(key)
            return work(iter(()))

    async def remove(self, key: ObjectKey) -> None:
        """Forgets a repository.

        Raises:
            TagsError: its files can't be removed.
        """
        await _off_loop(self._remove, key)
        self._arrivals.pop(key, None)

    async def sweep(self, known: Collection[ObjectKey]) -> list[ObjectKey]:
        """Forgets all repositories but some; gives those that were forgotten.

        Raises:
            TagsError: files can't be removed.
        """
        return await _off_loop(self._sweep, known)

    def _replace(self, key: ObjectKey, tags: Sequence[str]) -> None:
        folder = self._folder(key)
        folder.mkdir(parents=True, exist_ok=True)
        content = "".join(f"{tag}\n" for tag in tags).encode()
        compressed = bool(self._compress_at) and len(content) >= self._compress_at
        name, other = (_COMPRESSED, _PLAIN) if compressed else (_PLAIN, _COMPRESSED)
        for abandoned in folder.glob(f"{_TEMPORARY}*"):
            abandoned.unlink(missing_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=_TEMPORARY)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(gzip.compress(content, _LEVEL, mtime=0) if compressed else content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        (folder / other).unlink(missing_ok=True)

    def _reduce(self, key: ObjectKey, work: Callable[[Iterator[str]], T]) -> T:
        try:
            return self._read(key, work)
        except FileNotFoundError:
            # A scan has just put the list into the other kind of file.
            return self._read(key, work)

    def _read(self, key: ObjectKey, work: Callable[[Iterator[str]], T]) -> T:
        file = self._file(key)
        if file is None:
            return work(iter(()))
        try:
            with gzip.open(file, "rt") if file.name == _COMPRESSED else file.open() as lines:
                return work(line.rstrip("\n") for line in lines)
        except (gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
            file.unlink(missing_ok=True)
            raise _Damaged from error

    def _remove(self, key: ObjectKey) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder(key))
        with suppress(OSError):
            self._folder(key).parent.rmdir()

    def _sweep(self, known: Collection[ObjectKey]) -> list[ObjectKey]:
        gone = [
            key
            for namespace in _folders(self._root)
            for name in _folders(self._root / namespace)
            if (key := ObjectKey(namespace, name)) not in known
        ]
        for key in gone:
            self._remove(key)
        for namespace in _folders(self._root):
            with suppress(OSError):
                (self._root / namespace).rmdir()
        return gone

    def _folder(self, key: ObjectKey) -> Path:
        return self._root / key.namespace / key.name

    def _file(self, key: ObjectKey) -> Path | None:
        """The file of a list that is not empty; of two the newer one, as one was about to go."""
        found: list[tuple[float, Path]] = []
        for name in (_PLAIN, _COMPRESSED):
            path = self._folder(key) / name
            with suppress(OSError):
                facts = path.stat()
                found.append((facts.st_mtime if facts.st_size else 0.0, path))
        newest = max(found, default=(0.0, None), key=lambda each: each[0])
        return newest[1] if newest[0] else None


def descending(tags: Iterable[str]) -> list[str]:
    """Tags once each, in the descending order of their bytes."""
    return sorted(set(tags), key=str.encode, reverse=True)


def _folders(path: Path) -> list[str]:
    with suppress(FileNotFoundError), os.scandir(path) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


async def _off_loop(work: Callable[..., T], *arguments: object) -> T:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        raise TagsError(str(error)) from error
