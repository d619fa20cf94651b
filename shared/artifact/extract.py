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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
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
    with archive.open("rb") as packed:
        return _Extraction(target, limits).run(members(packed, archive.stat().st_size, limits))


class _Extraction:
    """The state of one run: which directories exist and what was counted."""

    def __init__(self, target: Path, limits: ExtractLimits) -> None:
        self._target = os.fspath(target)
        self._limits = limits
        self._made = {""}
        self._files = self._size = 0

    def run(self, found: Iterator["Member"]) -> Extracted:
        for member in found:
            if member.is_directory:
                self._make_directory(member.parts)
            else:
                self._write(member)
        return Extracted(self._files, self._size)

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

    def _write(self, member: "Member") -> None:
        name = "/".join(member.parts)
        place = f"{self._make_directory(member.parts[:-1])}/{member.parts[-1]}"
        mode = 0o700 if member.executable else 0o600
        try:
            handle = os.open(place, _NEW_FILE, mode)
        except IsADirectoryError:
            raise ArchiveRefused(f"{name!r} is both a file and a directory in the archive") from None
        except OSError as error:
            raise _refusal(error, name) from error
        with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a handle, not a path
            file.writelines(member.pieces())
        self._files += 1
        self._size += member.size


@dataclass(frozen=True, slots=True)
class Member:
    """A file or directory in an archive; its bytes can be read once, before the next member is asked for."""

    parts: list[str]
    """The components of its name, none of which leads anywhere else; empty for the root."""
    size: int
    is_directory: bool
    executable: bool
    open: Callable[[], IO[bytes]]

    def pieces(self) -> Iterator[bytes]:
        """The bytes of a file, a piece at a time."""
        content = self.open()
        while chunk := content.read(_CHUNK):
            yield chunk


def members(packed: IO[bytes], packed_size: int, limits: ExtractLimits) -> Iterator[Member]:
    """The members of a gzip-compressed tar archive in its order, links left out; blocks.

    Raises:
        ArchiveRefused: the archive is damaged, too large, or holds something that isn't allowed.
    """
    entries = size = 0
    with _unpacked(packed, packed_size, limits) as stream:
        for archive, info in _infos(stream):
            entries += 1
            if entries > limits.entries:
                raise ArchiveRefused(f"the archive has more than {limits.entries} entries")
            parts = _parts(info, limits)
            if info.type == tarfile.SYMTYPE:
                continue
            is_directory = info.type == tarfile.DIRTYPE
            if not is_directory:
                _check_file(info, parts)
                size += info.size
                if size > limits.total_size:
                    raise ArchiveRefused(f"the archive unpacks to more than {limits.total_size} bytes")
            content = partial(archive.extractfile, info)
            yield Member(
                parts,
                0 if is_directory else info.size,
                is_directory,
                bool(info.mode & 0o100),
                cast("Callable[[], IO[bytes]]", content),
            )


def _check_file(info: tarfile.TarInfo, parts: list[str]) -> None:
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse():
        raise ArchiveRefused(f"{info.name!r} is {_kind(info.type)}; only files and directories are allowed")
    if not parts:
        raise ArchiveRefused("the archive has a file without a name")


def _parts(info: tarfile.TarInfo, limits: ExtractLimits) -> list[str]:
    name = info.name
    if not name or "\\" in name or "\0" in name or name.startswith("/") or "../" in name:
        raise ArchiveRefused(f"the archive has an entry with the invalid name {name[:200]!r}")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ArchiveRefused(f"the archive has an entry with the invalid name {name[:200]!r}")
    if len(os.fsencode(name)) > limits.path_length or len(parts) > limits.depth:
        raise ArchiveRefused(f"the name of an entry is too long or too deep: {name[:200]!r}")
    return parts


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
def _unpacked(packed: IO[bytes], packed_size: int, limits: ExtractLimits) -> Iterator[IO[bytes]]:
    # An extra of the controllers, needed once an artifact arrives.
    from isal import igzip, isal_zlib  # noqa: PLC0415

    damage = (EOFError, ValueError, igzip.BadGzipFile, cast("type[Exception]", isal_zlib.error))
    with cast("Any", igzip).IGzipFile(fileobj=packed, mode="rb") as source:
        metered = _Metered(source, damage, packed_size, limits)
        yield cast("IO[bytes]", metered)


def _infos(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
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
