"""After work the C library is asked to return what was freed; without work nothing is asked of it."""

import asyncio
from types import SimpleNamespace

import pytest

from shared.runtime import memory

pytestmark = pytest.mark.looptime


class Process:
    """CPU time as told, and how often memory was returned."""

    def __init__(self, monkeypatch, *, glibc=True):
        self.used = 0.0
        self.trimmed = 0
        library = SimpleNamespace(malloc_trim=self._trim) if glibc else SimpleNamespace()
        monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: library)
        monkeypatch.setattr(memory.time, "process_time", lambda: self.used)

    def _trim(self, _):
        self.trimmed += 1


async def test_memory_is_returned_after_work_and_only_then(monkeypatch):
    process = Process(monkeypatch)
    running = asyncio.create_task(memory.give_back())
    await asyncio.sleep(60)
    assert process.trimmed == 0
    process.used = 1.0
    await asyncio.sleep(60)
    assert process.trimmed == 1
    running.cancel()


async def test_nothing_is_done_where_the_c_library_cannot(monkeypatch):
    process = Process(monkeypatch, glibc=False)
    await asyncio.wait_for(memory.give_back(), 1)
    assert process.trimmed == 0
