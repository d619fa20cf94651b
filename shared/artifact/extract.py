"""Unpack the archive of an artifact without trusting it.

Only regular files and directories come out. Symbolic links are skipped without a word, as the source side
does not write them either; every other kind, and every name that could leave the target, refuses the whole
archive. Since no link is ever created, a path below the target stays below it.

Counts and sizes are bounded while reading, also those of the archive's own headers, so that a small archive
can neither fill the disk nor the memory.
"""

import errno
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

_CHUNK = 1 << 18
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST_HEADER = 1 << 20
_FREE = 64 << 20
"""Below this size the compression ratio doesn't matter."""


class ArchiveRefused(Exception):
    """The archive is damaged, or holds something that must not be unpacked."""


@dataclass(frozen=True, slots=True)
class ExtractLimits:
    """How much one archive may unpack to; the defaults let large monorepos pass."""

    entries: int = 500_000
    total_size: int = 8 << 30
    ratio: int = 250
    """Unpacked to packed size, beyond the first 64 MiB."""
    path_length: int = 4096
    depth: int = 128


@dataclass(frozen=True, slots=True)
class Extracted:
    """What came out of an archive."""

    files: int
    size: int


def extract(archive: Path, target: Path, limits: ExtractLimits | None = None) -> Extracted:
    """Unpack a gzip-compressed tar archive into an empty directory; blocking, so call it in a thread."""
    limits = limits or ExtractLimits()
    with _unpacked(archive, limits) as stream:
        return _Extraction(target, limits).run(stream)


class _Extraction:
    """The state of one run: which directories exist and what was counted."""

    def __init__(self, target: Path, limits: ExtractLimits) -> None:
        self._target = os.fspath(target)
        self._limits = limits
        self._made = {""}
        self._entries = self._files = self._size = 0

    def run(self, stream: IO[bytes]) -> Extracted:
        for archive, member in _members(stream):
            self._entries += 1
            if self._entries > self._limits.entries:
                raise ArchiveRefused(f"the archive has more than {self._limits.entries} entries")
            parts = self._parts(member)
            match member.type:
                case tarfile.SYMTYPE:
                    continue
                case tarfile.DIRTYPE:
                    self._make_directory(parts)
                case tarfile.REGTYPE | tarfile.AREGTYPE if not member.issparse():
                    self._write(archive, member, parts)
                case kind:
                    raise ArchiveRefused(
                        f"{member.name!r} is {_kind(kind)}; only files and directories are allowed"
                    )
        return Extracted(self._files, self._size)

    def _parts(self, member: tarfile.TarInfo) -> list[str]:
        name = member.name
        if not name or "\\" in name or "\0" in name or name.startswith("/") or "../" in name:
            raise ArchiveRefused(f"the archive has an entry with the invalid name {name[:200]!r}")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise ArchiveRefused(f"the archive has an entry with the invalid name {name[:200]!r}")
        if len(os.fsencode(name)) > self._limits.path_length or len(parts) > self._limits.depth:
            raise ArchiveRefused(f"the name of an entry is too long or too deep: {name[:200]!r}")
        return parts

    def _make_directory(self, parts: list[str]) -> str:
        """Create a directory and its parents, and return where it is."""
        name = "/".join(parts)
        place = os.path.join(self._target, name)  # noqa: PTH118 - a hot path
        if name not in self._made:
            try:
                os.makedirs(place, mode=0o700, exist_ok=True)  # noqa: PTH103
            except (FileExistsError, NotADirectoryError):
                raise ArchiveRefused(f"{name!r} is both a file and a directory in the archive") from None
            except OSError as error:
                raise _refusal(error, name) from error
            self._made.add(name)
        return place

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, parts: list[str]) -> None:
        if not parts:
            raise ArchiveRefused("the archive has a file without a name")
        place = f"{self._make_directory(parts[:-1])}/{parts[-1]}"
        self._size += member.size
        if self._size > self._limits.total_size:
            raise ArchiveRefused(f"the archive unpacks to more than {self._limits.total_size} bytes")
        content = archive.extractfile(member)
        assert content is not None  # noqa: S101 - it is a regular file
        mode = 0o700 if member.mode & 0o100 else 0o600
        try:
            handle = os.open(place, _NEW_FILE, mode)
        except IsADirectoryError:
            raise ArchiveRefused(f"{member.name!r} is both a file and a directory in the archive") from None
        except OSError as error:
            raise _refusal(error, member.name) from error
        with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a handle, not a path
            while chunk := content.read(_CHUNK):
                file.write(chunk)
        self._files += 1


class _Metered:
    """Decompressed bytes as the tar reader wants them: forward only, counted, and never much at once."""

    def __init__(
        self, source: IO[bytes], damage: tuple[type[Exception], ...], packed: int, limits: ExtractLimits
    ) -> None:
        self._source = source
        self._damage = damage
        self._limit = min(limits.total_size * 2 + _FREE, max(_FREE, packed * limits.ratio))
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST_HEADER:
            raise ArchiveRefused("the archive has a header that is too large")
        try:
            data = self._source.read(size)
        except self._damage as error:
            raise ArchiveRefused(f"the archive is damaged: {error}") from error
        self._position += len(data)
        if self._position > self._limit:
            raise ArchiveRefused("the archive unpacks to far more than its size allows")
        return data

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        while self._position < position:
            if not self.read(min(_CHUNK, position - self._position)):
                break
        if self._position > position:
            raise ArchiveRefused("the archive is damaged: its headers overlap")
        return self._position


@contextmanager
def _unpacked(archive: Path, limits: ExtractLimits) -> Iterator[IO[bytes]]:
    # An extra of the controllers, needed once an artifact arrives.
    from isal import igzip, isal_zlib  # noqa: PLC0415

    damage = (EOFError, ValueError, igzip.BadGzipFile, cast("type[Exception]", isal_zlib.error))
    with archive.open("rb") as packed, cast("Any", igzip).IGzipFile(fileobj=packed, mode="rb") as source:
        metered = _Metered(source, damage, archive.stat().st_size, limits)
        yield cast("IO[bytes]", metered)


def _members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The entries one after the other; the reader's own list of them is dropped on the way."""
    try:
        archive = tarfile.TarFile(fileobj=cast("Any", stream), mode="r", errorlevel=2)
        while (member := archive.next()) is not None:
            yield archive, member
            archive.members = []  # type: ignore[attr-defined]
    except (tarfile.TarError, EOFError, ValueError, RecursionError) as error:
        raise ArchiveRefused(f"the archive is damaged: {error}") from error


def _refusal(error: OSError, name: str) -> Exception:
    """A name that the file system can't hold is the archive's fault, a full disk is not."""
    if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ENOTDIR, errno.ELOOP):
        return ArchiveRefused(f"the file system can't hold the name {name[:200]!r}")
    return error


def _kind(type_: bytes) -> str:
    return _KINDS.get(type_, f"an entry of the unknown type {type_!r}")


_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.CONTTYPE: "a contiguous file",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    tarfile.REGTYPE: "a sparse file",
    tarfile.AREGTYPE: "a sparse file",
}
