"""Ends the process before the kernel does: near the limit of its memory no new work is taken.

A process that the kernel kills leaves pending releases behind; one that stops by itself does not. What is
looked at are the files of the container's control group, of version 2 or 1, or the files that are named.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

_GROUPS: Final = Path("/sys/fs/cgroup")
_MAX: Final = ("memory.max", "memory/memory.limit_in_bytes")
_CURRENT: Final = ("memory.current", "memory/memory.usage_in_bytes")
_UNLIMITED: Final = "max"


@dataclass(frozen=True, slots=True)
class MemoryWatch:
    """Looks at the memory in use every now and then."""

    #: None where there is no limit.
    limit: int | None
    current: Path
    #: Share of the limit, in percent.
    threshold: int
    interval: timedelta

    @classmethod
    def open(
        cls, limit: str, current: str, threshold: int, interval: timedelta, groups: Path = _GROUPS
    ) -> MemoryWatch:
        """One of the named files, or of those of the control group.

        Raises:
            ValueError: there are no such files, or they say something else.
        """
        limit_file = _found(limit, groups, _MAX, "--oom-watch-max-memory-path")
        current_file = _found(current, groups, _CURRENT, "--oom-watch-current-memory-path")
        _bytes(current_file)
        return cls(_limit(limit_file), current_file, threshold, interval)

    async def near_limit(self) -> None:
        """Returns when the threshold is reached; without a limit it never does."""
        log = structlog.get_logger("oom-watch")
        if not self.limit:
            log.info("the memory has no limit, so it is not watched")
            await asyncio.Event().wait()
        while True:
            if await self._reached():
                break
            await asyncio.sleep(self.interval.total_seconds())
        log.info("memory is near its limit, shutting down", limit=self.limit, threshold=self.threshold)

    async def _reached(self) -> bool:
        try:
            used = await asyncio.to_thread(_bytes, self.current)
        except ValueError as error:
            structlog.get_logger("oom-watch").error("skipping a look at the memory", error=str(error))
            return False
        return used * 100 >= (self.limit or 0) * self.threshold


def _found(named: str, groups: Path, usual: tuple[str, ...], flag: str) -> Path:
    if named:
        return Path(named)
    for name in usual:
        if (groups / name).exists():
            return groups / name
    raise ValueError(f"no control group tells of the memory, name a file with {flag}")


def _limit(file: Path) -> int | None:
    return None if _text(file) == _UNLIMITED else _bytes(file)


def _bytes(file: Path) -> int:
    text = _text(file)
    if not text.isdecimal():
        raise ValueError(f"{file} holds no number of bytes")
    return int(text)


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError as error:
        raise ValueError(f"{file} can't be read: {error.strerror}") from error
