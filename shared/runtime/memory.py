"""Memory that was freed goes back to the system.

The C library keeps what was freed for later, in pieces between what is still used. After a burst of work,
such as the archives of many sources, that can be as much as everything else together.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from typing import Final

_PAUSE_SECONDS: Final = 5.0
_WORTH_CPU_SECONDS: Final = 0.25


async def give_back() -> None:
    """Runs until it is cancelled; does nothing while the process does nothing, or without glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return
    used = time.process_time()
    while True:
        await asyncio.sleep(_PAUSE_SECONDS)
        if time.process_time() - used > _WORTH_CPU_SECONDS:
            await asyncio.to_thread(trim, 0)  # threads are free to run meanwhile: ctypes lets go of the lock
            used = time.process_time()
