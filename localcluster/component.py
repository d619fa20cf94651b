"""One program of a control plane: started with a log file, watched by pid and start time, stopped for good.

A pid alone may have been reused by the time somebody cleans up; together with the start time it names one
process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS: Final = 10.0
_TAIL_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: CPU seconds, and resident bytes now and at most."""

    cpu_seconds: float
    resident: int
    peak: int


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, unmistakably."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Identity:
        """The process that has the pid now; start time 0 when there is none."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return cls(pid, 0)
        return cls(pid, 0 if fields[0] == "Z" else int(fields[19]))

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.started != 0 and Identity.of(self.pid) == self

    def end(self) -> None:
        """Asks the process to end, and makes it."""
        for number, patience in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
            if not self.alive:
                return
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            deadline = time.monotonic() + patience
            while self.alive and time.monotonic() < deadline:
                with suppress(ChildProcessError):
                    os.waitpid(self.pid, os.WNOHANG)
                time.sleep(0.02)

    def usage(self) -> Usage:
        """CPU and memory of the process; zeros when it is gone."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            status = dict(
                line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines()
            )
        except OSError:
            return Usage(0.0, 0, 0)
        ticks = sum(int(fields[index]) for index in (11, 12, 13, 14))
        resident, peak = (int(status[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
        return Usage(ticks / _TICKS, resident, peak)


class Component:
    """A program that runs in the background of a cluster."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self.identity = Identity(0, 0)

    def start(self) -> None:
        """Starts the program in a session of its own, so that a Ctrl-C of the terminal does not reach it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.identity = Identity.of(self._process.pid)

    def stop(self) -> None:
        """Ends the program and waits for it."""
        self.identity.end()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)

    @property
    def running(self) -> bool:
        """Whether the program still runs."""
        return self._process is not None and self._process.poll() is None

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-_TAIL_LINES:])
