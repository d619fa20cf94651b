"""Servers that tests start as processes of their own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PATIENCE: Final = 60.0  # until a server has to answer, and to be gone


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], log: Path, ask: Callable[[], object]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes to a log, from its first answer until the block ends.

    `ask` raises OSError as long as there is no answer.
    """
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=log.parent
        )
        try:
            _until_answered(process, ask)
            yield process
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _until_answered(process: subprocess.Popen[bytes], ask: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            ask()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
