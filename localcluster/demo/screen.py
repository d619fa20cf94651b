"""What the demo shows: a line per thing that happens, with the time since the start."""

from __future__ import annotations

import sys
import time
from typing import Final

_COLOURS: Final = {"title": "1;36", "True": "32", "False": "31", "Unknown": "33", "dim": "2", "do": "1;35"}


class Screen:
    """Prints; in colour where a person looks."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._colour = sys.stdout.isatty()

    def title(self, text: str) -> None:
        """Begins an act."""
        print(f"\n{self._paint('title', '== ' + text)}", flush=True)

    def say(self, text: str = "") -> None:
        """Explains."""
        print(f"   {text}", flush=True)

    def do(self, text: str) -> None:
        """Tells what somebody does: a commit, a command."""
        print(f"{self._clock()} {self._paint('do', '>')} {text}", flush=True)

    def state(self, subject: str, ready: str, message: str) -> None:
        """Tells what a controller reports of an object."""
        first = message.splitlines()[0] if message else ""
        cut = first if len(first) <= 110 else first[:107] + "..."
        print(f"{self._clock()}   {subject:<38} {self._paint(ready, f'Ready={ready:<8}')} {cut}", flush=True)

    def event(self, subject: str, message: str) -> None:
        """Tells what changed in the cluster."""
        for line in message.splitlines():
            print(f"{self._clock()}   {subject:<38} {self._paint('dim', line)}", flush=True)

    def _clock(self) -> str:
        return self._paint("dim", f"{time.monotonic() - self._started:7.2f}s")

    def _paint(self, style: str, text: str) -> str:
        colour = _COLOURS.get(style)
        return f"\033[{colour}m{text}\033[0m" if self._colour and colour else text
