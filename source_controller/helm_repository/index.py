"""The stored index of a repository of charts, of which only the entries of one chart are ever read.

A stored index is JSON as `indexing` writes it: charts are keys at the second level, indented by four, and no
line break is inside of a string. So where the entries of a chart are is found by looking at the beginnings of
lines, without decoding anything. That map is small; the latest ones are kept in memory.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
from collections import OrderedDict
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Final

from shared.lang.bounded import remember
from shared.lang.json import JsonError, JsonObject, loads, mappings

_MOST_KEPT: Final = 32
_ENTRIES: Final = b'\n  "entries": {'
_CHART: Final = re.compile(rb'\n    ("(?:[^"\\\n]|\\.)*"): (?=\[)')


class IndexDamaged(Exception):
    """The file isn't a stored index."""


@dataclass(frozen=True)
class ChartEntry:
    """One version of a chart, as the index has it."""

    name: str
    version: str
    urls: tuple[str, ...]
    created: str
    digest: str
    raw: JsonObject


@dataclass(frozen=True, slots=True)
class Span:
    """Where the entries of a chart are in the file, in bytes, and what tells them from others."""

    offset: int
    length: int
    digest: str


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """A stored index; all of it blocks, so use it in a thread."""

    path: Path
    charts: MappingProxyType[str, Span]
    """Where the entries of each chart are; a digest that stayed the same says that they did, too."""
    remembered: bool = False
    """Whether that was known, so that the file didn't have to be looked through."""

    @classmethod
    def open(cls, path: Path) -> StoredIndex:
        """The index in the file of an artifact.

        Raises:
            IndexDamaged: it is none.
            OSError: it can't be read.
        """
        found = path.stat()
        state = (str(path), found.st_ino, found.st_mtime_ns, found.st_size)
        charts = _kept.get(state)
        if charts is not None:
            return cls(path, charts, remembered=True)
        charts = MappingProxyType(_look_through(path))
        _kept.put(state, charts)
        return cls(path, charts)

    def versions(self, chart: str) -> list[ChartEntry]:
        """All versions of a chart, the highest first; none if the index doesn't know it.

        Raises:
            IndexDamaged: they can't be read.
            OSError: likewise.
        """
        span = self.charts.get(chart)
        if span is None:
            return []
        with self.path.open("rb", buffering=0) as file:
            text = os.pread(file.fileno(), span.length, span.offset)
        try:
            return [_entry(raw) for raw in mappings(loads(text))]
        except JsonError as error:
            raise IndexDamaged(f"the stored index is damaged at chart {chart!r}") from error


class _Kept:
    """The maps of the indexes that were opened last."""

    def __init__(self) -> None:
        self._maps: OrderedDict[tuple[str, int, int, int], MappingProxyType[str, Span]] = OrderedDict()
        self._lock = Lock()

    def get(self, state: tuple[str, int, int, int]) -> MappingProxyType[str, Span] | None:
        with self._lock:
            found = self._maps.get(state)
            if found is not None:
                self._maps.move_to_end(state)
            return found

    def put(self, state: tuple[str, int, int, int], charts: MappingProxyType[str, Span]) -> None:
        with self._lock:
            remember(self._maps, state, charts, _MOST_KEPT)


_kept: Final = _Kept()


def _look_through(path: Path) -> dict[str, Span]:
    with (
        path.open("rb", buffering=0) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
        memoryview(text) as view,
    ):
        start = text.find(_ENTRIES)
        end = text.find(b"\n  }", start)
        if start < 0:
            raise IndexDamaged("the stored index has no entries")
        if text[start + len(_ENTRIES)] == ord("}"):
            return {}
        found: dict[str, Span] = {}
        begins = list(_CHART.finditer(text, start, end))
        for match, following in zip_longest(begins, begins[1:]):
            offset = match.end()
            stop = text.rfind(b"]", offset, following.start() if following else end) + 1
            digest = hashlib.sha256(view[offset:stop]).hexdigest()
            found[loads(match[1])] = Span(offset, stop - offset, digest)
        return found


def _entry(raw: JsonObject) -> ChartEntry:
    return ChartEntry(
        str(raw.get("name") or ""),
        str(raw.get("version") or ""),
        tuple(str(url) for url in raw.get("urls") or ()),
        str(raw.get("created") or ""),
        str(raw.get("digest") or ""),
        raw,
    )
