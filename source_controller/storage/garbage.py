"""Which old files of an object go: those past their time, then the oldest beyond the number to keep.

The current artifact never goes. Locks don't count, they go together with their files; what an interrupted
write has left counts like any file and expires.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from shared.observe.clock import Clock
from source_controller.storage.layout import LOCK

_MOST_FILES: Final = 1000
_LONGEST: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of the past is kept."""

    ttl: timedelta = timedelta(seconds=60)
    """How long a replaced file may still be asked for."""
    records: int = 2
    """How many files there may be, the current one included."""


@dataclass(frozen=True, slots=True)
class OldFile:
    """A file that could go."""

    name: str
    modified: float


def doomed(files: list[OldFile], retention: Retention, now: datetime) -> list[str]:
    """The names of the files that have to go; `files` has everything but the current one."""
    limit = (now - retention.ttl).timestamp()
    expired = [file.name for file in files if file.modified < limit]
    rest = sorted((file for file in files if file.modified >= limit), key=lambda file: file.modified)
    surplus = len(rest) - max(retention.records - 1, 0)
    return expired + [file.name for file in rest[: max(surplus, 0)]]


def collect(directory: Path, current: str, retention: Retention, clock: Clock) -> list[str]:
    """Remove the garbage of a directory and say what it was; gives up after five seconds. Blocks."""
    end = clock.monotonic() + _LONGEST.total_seconds()
    removed: list[str] = []
    for name in doomed(_old_files(directory, current), retention, clock.now()):
        if clock.monotonic() > end:
            break
        with suppress(OSError):
            (directory / name).unlink()
            removed.append(name)
            (directory / (name + LOCK)).unlink(missing_ok=True)
    return removed


def _old_files(directory: Path, current: str) -> list[OldFile]:
    files: list[OldFile] = []
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in islice(entries, _MOST_FILES):
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and entry.name != current and not entry.name.endswith(LOCK):
                    files.append(OldFile(entry.name, found.st_mtime))
    return files
