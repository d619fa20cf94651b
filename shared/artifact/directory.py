"""A directory on disk as entries of an archive."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A file or directory on disk."""

    root: Path
    path: str
    mode: int
    size: int

    @property
    def content(self) -> str:
        """The name of the file: it is only good for one directory whose files don't change."""
        return self.path

    def read(self) -> bytes:
        """All bytes of a file; blocks."""
        return (self.root / self.path).read_bytes()

    def pieces(self) -> Iterator[bytes]:
        """The bytes of a file, a piece at a time; blocks."""
        left = self.size
        with (self.root / self.path).open("rb", buffering=0) as file:
            while left and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk
        if left:
            raise OSError(f"the file {self.path[:200]!r} became shorter while it was read")


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything below a directory that nobody changes; what is no file or directory is left out."""

    root: Path

    def __iter__(self) -> Iterator[DirectoryEntry]:
        """Directories before what is in them, names in the order of their bytes; blocks."""
        yield from self._below("")

    def _below(self, directory: str) -> Iterator[DirectoryEntry]:
        with os.scandir(self.root / directory) as found:
            entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
        for entry in entries:
            facts = entry.stat(follow_symlinks=False)
            path = f"{directory}/{entry.name}" if directory else entry.name
            if stat.S_ISDIR(facts.st_mode):
                yield DirectoryEntry(self.root, path, facts.st_mode, 0)
                yield from self._below(path)
            elif stat.S_ISREG(facts.st_mode):
                yield DirectoryEntry(self.root, path, facts.st_mode, facts.st_size)
