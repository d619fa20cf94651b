"""Writing archives whose bytes depend on nothing but their content.

The same files give the same bytes on every machine and after every restart, because the digest of an
archive is what consumers react to: no times, no owners, three modes, a fixed order, and a pinned compressor
at a pinned level (`LEVEL` may only change together with a note in the release).

Files are written one after the other, so memory holds the largest of them and nothing more; of files that
come from another archive it holds only a piece.
"""

from __future__ import annotations

import hashlib
import stat
import tarfile
from collections.abc import Iterable, Iterator
from typing import Final, Protocol, cast

LEVEL: Final = 2
"""Of ISA-L's deflate: 0 (fast) to 3 (small)."""

_FILE: Final = 0o600
_EXECUTABLE: Final = 0o700
_DIRECTORY: Final = 0o750
_ANY_EXECUTE: Final = 0o111
_HEADER: Final = b"\x1f\x8b\x08%s\x00\x00\x00\x00\x00\xff"
"""Of gzip: what follows it, no time, unknown system."""
_WITH_COMMENT: Final = b"\x10"
_RAW_DEFLATE: Final = -15
_BLOCK: Final = tarfile.BLOCKSIZE
_PIECE: Final = 256 * 1024
_LARGEST: Final = 8**11
_NOBODY: Final = b"0000000\0" * 2
_NEVER: Final = b"00000000000\0"
_REST: Final = (bytes(100) + tarfile.POSIX_MAGIC).ljust(355, b"\0")


class Entry(Protocol):
    """A file or a directory, wherever it comes from."""

    @property
    def path(self) -> str:
        """Relative to the root, without `./`, with `/` between its components."""

    @property
    def mode(self) -> int:
        """As in `stat`: a directory, or a regular file with its permissions."""

    @property
    def content(self) -> str:
        """A name for the bytes of a file: equal names mean equal bytes."""

    def read(self) -> bytes:
        """All bytes of a file; blocks."""


class Streamed(Entry, Protocol):
    """A file or directory whose bytes may be more than memory should hold."""

    @property
    def size(self) -> int:
        """How many bytes a file has."""

    def pieces(self) -> Iterator[bytes]:
        """The bytes of a file, a piece at a time; blocks."""


class Sink(Protocol):
    """Where bytes go; it ends the writing by raising."""

    def write(self, data: bytes, /) -> object:
        """Take in the next piece."""


def write_archive(entries: Iterable[Entry], out: Sink) -> None:
    """Write a `tar.gz` of the root and all entries, which come directories first; blocks."""
    archive = ArchiveWriter(out)
    archive.directory(".")
    for entry in entries:
        if stat.S_ISDIR(entry.mode):
            archive.directory(entry.path)
            continue
        size, pieces = _bytes_of(entry)
        archive.file(entry.path, _EXECUTABLE if entry.mode & _ANY_EXECUTE else _FILE, size, pieces)
    archive.finish()


class ArchiveWriter:
    """A `tar.gz` that is written entry by entry; blocks."""

    def __init__(self, out: Sink, comment: bytes = b"") -> None:
        """`comment` goes into the header of gzip."""
        self._stream = _Gzip(out, comment)

    def directory(self, path: str) -> None:
        """Add a directory."""
        self._stream.write(_header(path, _DIRECTORY, tarfile.DIRTYPE, 0))

    def file(self, path: str, mode: int, size: int, pieces: Iterable[bytes]) -> None:
        """Add a file of so many bytes."""
        self._stream.write(_header(path, mode, tarfile.REGTYPE, size))
        for piece in pieces:
            self._stream.write(piece)
        if size % _BLOCK:
            self._stream.write(bytes(_BLOCK - size % _BLOCK))

    def finish(self) -> None:
        """Nothing can be added any more."""
        self._stream.write(bytes(2 * _BLOCK))
        self._stream.finish()


def _bytes_of(entry: Entry) -> tuple[int, Iterable[bytes]]:
    if hasattr(entry, "pieces"):  # asking for the protocol takes longer than compressing most files
        streamed = cast("Streamed", entry)
        return streamed.size, streamed.pieces()
    data = entry.read()
    return len(data), (data,)


def fingerprint(entries: Iterable[Entry]) -> str:
    """The same for entries that make the same archive, without reading a single file."""
    running = hashlib.sha256(b"%d\0" % LEVEL)
    for path, kind, content in _facts(entries):
        running.update(b"%s\0%s\0%s\0" % (path.encode(errors="surrogateescape"), kind, content.encode()))
    return running.hexdigest()


def _facts(entries: Iterable[Entry]) -> Iterator[tuple[str, bytes, str]]:
    for entry in entries:
        if stat.S_ISDIR(entry.mode):
            yield entry.path, b"d", ""
        else:
            yield entry.path, b"x" if entry.mode & _ANY_EXECUTE else b"f", entry.content


def _header(path: str, mode: int, kind: bytes, size: int) -> bytes:
    """A USTAR header; PAX records come first only where a name or size doesn't fit."""
    if path.isascii() and len(path) <= tarfile.LENGTH_NAME and size < _LARGEST:
        return _plain_header(path, mode, kind, size)
    info = tarfile.TarInfo(path)
    info.mode, info.type, info.size = mode, kind, size
    facts = dict(info.get_info())
    facts["name"] = path  # directories would get a slash
    return info.create_pax_header(facts, "utf-8")


def _plain_header(path: str, mode: int, kind: bytes, size: int) -> bytes:
    """The header of nearly all entries, many times as fast as `tarfile` makes it."""
    before = b"%s%07o\0%s%011o\0%s" % (path.encode().ljust(100, b"\0"), mode, _NOBODY, size, _NEVER)
    after = b"%s%s" % (kind, _REST)
    checksum = sum(before) + sum(after) + 8 * ord(" ")
    return b"%s%06o\0 %s" % (before, checksum, after)


class _Gzip:
    """A gzip stream with a header of our own.

    The compressor gets pieces of one size, whatever comes in: its output depends on where pieces end.
    """

    def __init__(self, out: Sink, comment: bytes) -> None:
        from isal import isal_zlib  # noqa: PLC0415 - an extra of the controllers that write archives

        self._crc32 = isal_zlib.crc32
        self._deflate = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _RAW_DEFLATE)
        self._out = out
        self._checksum = 0
        self._size = 0
        self._waiting = bytearray()
        out.write(_HEADER % (_WITH_COMMENT if comment else b"\x00"))
        if comment:
            out.write(comment + b"\x00")

    def write(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) >= _PIECE:
            whole = len(self._waiting) - len(self._waiting) % _PIECE
            for start in range(0, whole, _PIECE):
                self._compress(bytes(self._waiting[start : start + _PIECE]))
            del self._waiting[:whole]

    def finish(self) -> None:
        self._compress(bytes(self._waiting))
        self._out.write(self._deflate.flush())
        trailer = (self._checksum & 0xFFFFFFFF, self._size & 0xFFFFFFFF)
        self._out.write(b"".join(number.to_bytes(4, "little") for number in trailer))

    def _compress(self, piece: bytes) -> None:
        self._checksum = self._crc32(piece, self._checksum)
        self._size += len(piece)
        self._out.write(self._deflate.compress(piece))
