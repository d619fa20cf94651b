"""Memory of the children of a process, which are gone before anybody asks: looked at all the time."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY_SECONDS = 0.02


class Children:
    """Watches children of processes; `peaks` has the most that those of each used together, in bytes."""

    def __init__(self, pids: dict[str, int]):
        self._pids = pids
        self.peaks = dict.fromkeys(pids, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="children", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            for name, pid in self._pids.items():
                self.peaks[name] = max(self.peaks[name], sum(map(_resident, _children(pid))))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def _resident(pid: int) -> int:
    """Proportional set size would be fairer to several of one program, but takes long to sum up."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    return 0
