"""The directory that one build sees.

It holds the generated root file and a copy of each file that the survey found, at the place it has in the
artifact, and nothing else. So the shared tree is never written to, a build can't read what the survey didn't
follow, and the digest of the survey covers all that went in.
"""

import asyncio
import posixpath
import shutil
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kustomize_controller.kustomization.confine import Survey
from kustomize_controller.kustomization.generate import Root


@dataclass(frozen=True, slots=True)
class Stage:
    """The places of one run: the sparse copy of the artifact, and a home that the program may write to."""

    artifact: Path
    home: Path


@asynccontextmanager
async def staged(scratch: Path, tree: Path, root: Root, surveyed: Survey) -> AsyncIterator[Stage]:
    """Make the places of a run, and remove all of it afterwards."""
    place = scratch / f"build-{uuid.uuid4().hex}"
    stage = Stage(place / "artifact", place / "home")
    try:
        await _to_the_end(lambda: _lay_out(stage, tree, root, surveyed))
        yield stage
    finally:
        await _to_the_end(lambda: shutil.rmtree(place, ignore_errors=True))


async def _to_the_end(work: Callable[[], None]) -> None:
    """Run work in a thread and wait for its end even if cancelled: a thread can't be stopped half-way."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _lay_out(stage: Stage, tree: Path, root: Root, surveyed: Survey) -> None:
    """Copy what a build reads and put the root file in its place."""
    stage.home.mkdir(parents=True)
    for directory in {root.directory, *surveyed.directories, *(posixpath.dirname(f) for f in surveyed.files)}:
        (stage.artifact / directory).mkdir(parents=True, exist_ok=True)
    for name in surveyed.files:
        shutil.copyfile(tree / name, stage.artifact / name)
    (stage.artifact / root.directory / root.file_name).write_text(root.text, encoding="utf-8")
