"""Folders for what is only needed for a moment."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def scratch_folder(parent: Path) -> AsyncIterator[Path]:
    """An empty folder that goes with the block, with all that is in it."""
    folder = await asyncio.to_thread(lambda: tempfile.TemporaryDirectory(dir=parent))
    try:
        yield Path(folder.name)
    finally:
        await asyncio.to_thread(folder.cleanup)
