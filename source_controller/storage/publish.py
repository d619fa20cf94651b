"""Writing a file so that readers see all of it or nothing, and knowing its digest when it is done."""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO, Final, TypeAlias

from shared.git.threads import Stopped
from shared.lang.digest import Algorithm, Digest, hasher
from source_controller.storage.errors import ArchiveFailed, DirectoryCreationFailed, LockFailed
from source_controller.storage.layout import LOCK

Writer: TypeAlias = Callable[["HashingSink"], None]

_FILE: Final = 0o600
_DIRECTORY: Final = 0o700
_BUFFER: Final = 1 << 20
_LOCK_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is in its place."""

    digest: Digest
    size: int


class HashingSink:
    """Hashes and counts what goes into a file, and stops the writing when asked to."""

    def __init__(self, file: BinaryIO, algorithm: Algorithm, stop: Event) -> None:
        """Start with an empty file."""
        self._file = file
        self._algorithm = algorithm
        self._running = hasher(algorithm)
        self._stop = stop
        self._size = 0

    def write(self, data: bytes, /) -> None:
        """Take in the next piece."""
        if self._stop.is_set():
            raise Stopped
        self._running.update(data)
        self._size += len(data)
        self._file.write(data)

    def result(self) -> Written:
        """What has come in."""
        return Written(Digest(self._algorithm, self._running.hexdigest()), self._size)


def make_directory(directory: Path, root: Path) -> None:
    """Make the directory of an object and those above it, for the controller alone."""
    try:
        for path in [*reversed(directory.relative_to(root).parents), directory.relative_to(root)]:
            with suppress(FileExistsError):
                (root / path).mkdir(_DIRECTORY)
    except OSError as error:
        raise DirectoryCreationFailed(f"failed to create artifact directory: {_why(error)}") from error


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Hold the lock of a file; waits as long as another process has it. The lock file stays."""
    try:
        handle = os.open(file.with_name(file.name + LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE)
    except OSError as error:
        raise LockFailed(f"failed to acquire lock for artifact: {_why(error)}") from error
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_PAUSE)
            except OSError as error:
                raise LockFailed(f"failed to acquire lock for artifact: {_why(error)}") from error
        yield
    finally:
        os.close(handle)


def write_file(target: Path, algorithm: Algorithm, write: Writer, stop: Event) -> Written:
    """Write beside the target, then take its place; whatever fails leaves nothing behind. Blocks."""
    try:
        handle, name = tempfile.mkstemp(prefix=target.name, dir=target.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb", buffering=_BUFFER) as file:
                sink = HashingSink(file, algorithm, stop)
                write(sink)
            temporary.chmod(_FILE)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ArchiveFailed(f"unable to archive artifact to storage: {_why(error)}") from error
    return sink.result()


def pour(source: Path, sink: HashingSink) -> None:
    """Write all of a file into a sink. Blocks."""
    with source.open("rb", buffering=0) as file:
        while chunk := file.read(_BUFFER):
            sink.write(chunk)


class TwinAltered(Exception):
    """The file to be copied isn't what its digest says, or isn't there."""


def copy_file(source: Path, digest: Digest, sink: HashingSink) -> None:
    """Copy a file that must have a digest. Blocks.

    Raises:
        TwinAltered: it has another one, or isn't there.
    """
    try:
        pour(source, sink)
    except FileNotFoundError as error:
        raise TwinAltered from error
    if sink.result().digest != digest:
        raise TwinAltered


def link_file(source: Path, target: Path) -> None:
    """Let the same bytes be known by another name as well, as if they had just been written. Blocks."""
    temporary = target.with_name(f"{target.name}-link-{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        temporary.hardlink_to(source)
        os.utime(temporary)
        temporary.replace(target)
        temporary.unlink(missing_ok=True)  # replacing a name by another one of the same file does nothing
    except OSError as error:
        raise ArchiveFailed(f"unable to archive artifact to storage: {_why(error)}") from error


def make_link(link: Path, name: str) -> None:
    """Let a symbolic link lead to a file beside it, in one step. Blocks."""
    temporary = link.with_name(f"{link.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(link.with_name(name))
        temporary.replace(link)
    except OSError as error:
        raise ArchiveFailed(f"failed to update the link '{link.name}': {_why(error)}") from error


def _why(error: OSError) -> str:
    """The trouble without the paths of this machine."""
    return os.strerror(error.errno) if error.errno else "input/output error"
