"""A part of an archive as entries of a new one, without unpacking it anywhere.

Each walk reads the archive from its start, decompresses it on the way and holds a piece of one file at a
time, whatever the size of the archive. That only works where names come in the order of archives, which
is checked; and since every name was checked as well, no entry comes out anywhere but below its target.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.artifact.extract import ArchiveRefused, ExtractLimits, Member, members

_DIRECTORY: Final = stat.S_IFDIR | 0o755
_FILE: Final = stat.S_IFREG | 0o644
_EXECUTABLE: Final = stat.S_IFREG | 0o755
_MOST_AT_ONCE: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """A `tar.gz` that is open for reading; every walk has a position of its own."""

    handle: int
    """A file descriptor, closed by whoever opened it."""
    name: str
    """Equal names mean equal bytes: its digest."""
    limits: ExtractLimits

    def members(self) -> Iterator[Member]:
        """All members in order."""
        size = os.fstat(self.handle).st_size
        return members(io.BufferedReader(_At(self.handle)), size, self.limits)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A file or directory of an archive under its new name."""

    path: str
    mode: int
    content: str
    size: int
    member: Member | None

    def pieces(self) -> Iterator[bytes]:
        """The bytes of a file, once, and before the walk goes on."""
        return self.member.pieces() if self.member else iter(())

    def read(self) -> bytes:
        """All bytes of a file that isn't large."""
        if self.size > _MOST_AT_ONCE:
            raise ArchiveRefused(f"the file '{self.path[:200]}' is too large to be read at once")
        return b"".join(self.pieces())


@dataclass(frozen=True, slots=True)
class StoredPart:
    """What is at and below a path of an archive, put at another path; nothing if that path isn't there.

    All directories come out, also those that lead to the target and those that the archive only implies.
    """

    archive: StoredArchive
    source: tuple[str, ...]
    target: tuple[str, ...]

    def __iter__(self) -> Iterator[StoredEntry]:
        """Directories before what is in them, names in the order of their bytes."""
        last: list[str] = []
        for parts, member in self._chosen():
            if last and order(parts) <= order(last):
                raise ArchiveRefused(f"the archive has an entry out of order: {'/'.join(parts)[:200]!r}")
            for depth in range(_common(last, parts[:-1]) + 1, len(parts)):
                yield StoredEntry("/".join(parts[:depth]), _DIRECTORY, "", 0, None)
            if parts:
                yield self._entry(parts, member)
            last = parts

    def _chosen(self) -> Iterator[tuple[list[str], Member]]:
        """The members of the part with their new names."""
        skip, found = len(self.source), False
        for member in self.archive.members():
            if tuple(member.parts[:skip]) == self.source:
                found = True
                yield [*self.target, *member.parts[skip:]], member
            elif found:
                return  # in order, so nothing of it comes any more

    def _entry(self, parts: list[str], member: Member) -> StoredEntry:
        path = "/".join(parts)
        if member.is_directory:
            return StoredEntry(path, _DIRECTORY, "", 0, None)
        mode = _EXECUTABLE if member.executable else _FILE
        return StoredEntry(path, mode, f"{self.archive.name}/{'/'.join(member.parts)}", member.size, member)


def order(parts: list[str]) -> list[bytes]:
    """What names are sorted by in archives: directory by directory, by bytes."""
    return [part.encode(errors="surrogateescape") for part in parts]


def _common(left: list[str], right: list[str]) -> int:
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length


class _At(io.RawIOBase):
    """A position in a file that others read, too."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = os.pread(self._handle, len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
