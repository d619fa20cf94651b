"""From objects to an artifact: what changed is downloaded, the rest comes from the artifact before."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import Bucket
from shared.artifact.archive import Sink, write_archive
from shared.artifact.extract import ArchiveRefused, ExtractLimits
from shared.artifact.ignoring import IGNORE_FILE
from shared.artifact.stored import StoredArchive, order
from shared.git.threads import Stopped, run_in_thread
from shared.lang.bounded import remember
from shared.lang.digest import Algorithm
from shared.process.scratch import scratch_folder
from shared.runtime.turn import Turn
from source_controller.artifacts import place_of, storing
from source_controller.bucket.conditions import failed
from source_controller.bucket.index import Index, UnusableKey, paths
from source_controller.bucket.s3 import AT_ONCE
from source_controller.bucket.store import ObjectGone, ObjectStore, StoreError, limited
from source_controller.storage import Place, Storage

_REMEMBERED: Final = 1024
_CHUNK: Final = 1 << 18
_DIRECTORY: Final = stat.S_IFDIR | 0o755
_FILE: Final = stat.S_IFREG | 0o644


@dataclass(frozen=True, slots=True)
class Listed:
    """What was found in a bucket."""

    index: Index
    ignore_file: bytes | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What an artifact was made of, and where that was."""

    origin: tuple[str, str, str]
    digest: str
    etags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file in the archive to be, or a directory above one."""

    path: str
    file: Path | None = None

    @property
    def mode(self) -> int:
        return _FILE if self.file else _DIRECTORY

    @property
    def content(self) -> str:
        return self.path

    @property
    def size(self) -> int:
        return self.file.stat().st_size if self.file else 0

    def read(self) -> bytes:
        return self.file.read_bytes() if self.file else b""

    def pieces(self) -> Iterator[bytes]:
        if self.file is None:
            return
        with self.file.open("rb", buffering=0) as content:
            while piece := content.read(_CHUNK):
                yield piece


class BucketContents:
    """Turns buckets into artifacts."""

    def __init__(self, storage: Storage, scratch: Path, algorithm: Algorithm) -> None:
        """`scratch` is a directory for what is only needed for a moment; the algorithm is of revisions."""
        self._storage = storage
        self._scratch = scratch
        self._algorithm = algorithm
        self._known: OrderedDict[Place, _Known] = OrderedDict()

    @asynccontextmanager
    async def fetched(
        self, obj: Bucket, store: ObjectStore, listed: Listed, current: Artifact | None, turn: Turn[Bucket]
    ) -> AsyncIterator[Fetched]:
        """The objects of an index in files, which go with the block.

        Raises:
            Failure: one can't be had, or has no place beside the others.
        """
        places = _places(obj, listed)
        try:
            async with scratch_folder(self._scratch) as folder:
                files = {key: folder / str(number) for number, key in enumerate(places)}
                if listed.ignore_file is not None:
                    await asyncio.to_thread(files[IGNORE_FILE].write_bytes, listed.ignore_file)
                fetch = _Fetch(obj, store, turn, files, dict(listed.index.etags))
                await self._reuse(fetch, places, current)
                await fetch.run()
                index = Index(fetch.etags)
                there = [key for key in places if key in index.etags or key == IGNORE_FILE]
                yield Fetched(
                    index, str(index.digest(self._algorithm)), {places[key]: files[key] for key in there}
                )
        except OSError as error:
            why = error.strerror or "input/output error"
            raise failed(f"fetch from bucket '{obj.spec.bucket_name}' failed: {why}") from error

    async def publish(self, obj: Bucket, fetched: Fetched) -> Artifact:
        """The artifact of what was fetched.

        Raises:
            Failure: the storage refuses.
        """
        place = place_of(obj)

        def write(sink: Sink) -> None:
            write_archive(_entries(fetched.files), sink)

        with storing():
            artifact = await self._storage.publish(
                place,
                revision=fetched.revision,
                filename=f"{fetched.revision.partition(':')[2]}.tar.gz",
                write=write,
            )
        known = _Known(_origin(obj), artifact.digest, fetched.index.etags)
        remember(self._known, place, known, _REMEMBERED)
        return artifact

    def forget(self, place: Place) -> None:
        """Lets go of what is known about an object that is no more."""
        self._known.pop(place, None)

    async def _reuse(self, fetch: _Fetch, places: Mapping[str, str], current: Artifact | None) -> None:
        """Takes from the stored artifact what it has in the state that is wanted."""
        known = self._known.get(place_of(fetch.obj))
        if (
            current is None
            or known is None
            or (known.origin, known.digest) != (_origin(fetch.obj), current.digest)
        ):
            return
        same = {
            places[key]: key for key, etag in fetch.etags.items() if etag and known.etags.get(key) == etag
        }
        archive = self._storage.layout.file(current.path)
        if not same or archive is None:
            return

        def work(stop: Event) -> set[str]:
            return _unpack(
                archive, current.digest, {path: fetch.files[key] for path, key in same.items()}, stop
            )

        found = await run_in_thread(None, work)
        fetch.done = {same[path] for path in found}


@dataclass(frozen=True, slots=True)
class Fetched:
    """All objects of an index, by their paths in the archive."""

    index: Index
    revision: str
    files: Mapping[str, Path]


class _Fetch:
    """One download of many objects, a few at a time."""

    def __init__(
        self,
        obj: Bucket,
        store: ObjectStore,
        turn: Turn[Bucket],
        files: Mapping[str, Path],
        etags: dict[str, str],
    ) -> None:
        self.obj = obj
        self.files = files
        self.etags = etags
        self.done: set[str] = set()
        self._store = store
        self._turn = turn

    async def run(self) -> None:
        """Downloads what isn't there yet; `etags` is what the files are, afterwards."""
        bucket = self.obj.spec.bucket_name
        wanted = iter([key for key in self.etags if key not in self.done])
        try:
            async with limited(self.obj.spec.timeout), asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(self._several(wanted), name=f"download from {bucket}")
        except ExceptionGroup as group_error:
            error = group_error.exceptions[0]
            if isinstance(error, StoreError):
                raise failed(f"fetch from bucket '{bucket}' failed: {error}") from error
            raise error from None
        except StoreError as error:
            raise failed(f"fetch from bucket '{bucket}' failed: {error}") from error

    async def _several(self, wanted: Iterator[str]) -> None:
        for key in wanted:
            try:
                self.etags[key] = await self._store.download(key, self.etags[key], self.files[key])
            except ObjectGone:
                del self.etags[key]
                bucket = self.obj.spec.bucket_name
                text = f"indexed object '{key}' disappeared from '{bucket}' bucket"
                self._turn.log.info(text)
            except StoreError as error:
                raise StoreError(f"failed to get '{key}' object: {error}") from error


def _places(obj: Bucket, listed: Listed) -> dict[str, str]:
    """Key -> path in the archive; the ignore file has one, too."""
    try:
        return paths([*listed.index.etags, *([IGNORE_FILE] if listed.ignore_file is not None else [])])
    except UnusableKey as error:
        raise failed(f"fetch from bucket '{obj.spec.bucket_name}' failed: {error}") from error


def _origin(obj: Bucket) -> tuple[str, str, str]:
    """ETags are only good for one bucket."""
    return obj.spec.provider, obj.spec.endpoint, obj.spec.bucket_name


def _unpack(archive: Path, digest: str, wanted: Mapping[str, Path], stop: Event) -> set[str]:
    """Files of an archive go where they are wanted; which of them were there. Blocks."""
    found: set[str] = set()
    try:
        handle = os.open(archive, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return found
    try:
        for member in StoredArchive(handle, digest, ExtractLimits()).members():
            path = "/".join(member.parts)
            if stop.is_set():
                raise Stopped
            if path in wanted and not member.is_directory:
                with wanted[path].open("wb", buffering=0) as file:
                    file.writelines(member.pieces())
                found.add(path)
    except ArchiveRefused:
        return found  # what is missing is downloaded
    finally:
        os.close(handle)
    return found


def _entries(files: Mapping[str, Path]) -> Iterator[_Entry]:
    """Directories before what is in them, names in the order of their bytes."""
    made: set[str] = set()
    for path in sorted(files, key=lambda each: order(each.split("/"))):
        *directory, _ = path.split("/")
        for depth in range(1, len(directory) + 1):
            above = "/".join(directory[:depth])
            if above not in made:
                made.add(above)
                yield _Entry(above)
        yield _Entry(path, files[path])
