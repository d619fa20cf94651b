"""Run kustomize on a staged directory.

The program sees a scrubbed environment, a home of its own, the stage and the system's libraries, and
nothing else of the machine; it has no network unless remote references are allowed and used. Few run at
the same time, each within limits of time and memory.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from kustomize_controller.kustomization.confine import Survey
from kustomize_controller.kustomization.generate import Root
from kustomize_controller.kustomization.request import BuildFailed
from kustomize_controller.kustomization.stage import Stage, staged
from shared.process import (
    Jail,
    Limits,
    ProcessError,
    ProgramFailed,
    jail_available,
    run,
)

_NOISE = re.compile(
    r"^(Flag --reorder has been deprecated|# Warning:|\d{4}/\d\d/\d\d \S+ Warning:).*\n?", re.MULTILINE
)
_FLAGS = ("--load-restrictor", "LoadRestrictionsNone", "--reorder", "none")
_LONGEST_MESSAGE = 8192


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How builds run on this machine."""

    program: Path
    scratch: Path
    timeout: timedelta = timedelta(minutes=2)
    limits: Limits = field(default_factory=Limits)
    concurrency: int = field(default_factory=lambda: os.cpu_count() or 1)
    remote_bases: bool = True
    remote_environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What git and the HTTP client need for remote references: PATH, and proxies where there are any."""


class Kustomize:
    """Builds directories with the kustomize program, a few at a time."""

    def __init__(self, settings: BuildSettings) -> None:
        """Take the place of the program and its bounds."""
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.concurrency)

    async def build(self, tree: Path, root: Root, surveyed: Survey) -> str:
        """The manifests that kustomize makes of a directory, as YAML documents joined by `---`."""
        if surveyed.remote and not jail_available():
            raise BuildFailed(
                "remote bases can't be built safely because the kernel has no Landlock; "
                "add the files to the source instead"
            )
        scratch = self._settings.scratch.absolute()
        async with self._slots, staged(scratch, tree, root, surveyed) as stage:
            return await self._run(stage, root, network=bool(surveyed.remote))

    async def _run(self, stage: Stage, root: Root, *, network: bool) -> str:
        settings = self._settings
        home = os.fspath(stage.home)
        env = {"HOME": home, "TMPDIR": home, "XDG_CONFIG_HOME": home}
        if network:
            env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", **settings.remote_environment}
        directory = stage.artifact / root.directory
        try:
            done = await run(
                [settings.program, "build", directory, *_FLAGS],
                cwd=stage.artifact,
                env=env,
                timeout=settings.timeout,
                limits=settings.limits,
                jail=Jail(read=(stage.artifact, settings.program), write=(stage.home,), network=network),
            )
        except ProgramFailed as failure:
            raise BuildFailed(f"kustomize build failed: {_cleaned(failure, stage)}") from failure
        except ProcessError as failure:
            raise BuildFailed(f"kustomize build failed: {failure}") from failure
        return done.stdout.decode()


def _cleaned(failure: ProgramFailed, stage: Stage) -> str:
    """What kustomize said, with paths as they are in the artifact."""
    if not failure.stderr:
        return str(failure)
    text = _NOISE.sub("", failure.stderr).strip().removeprefix("Error: ")
    artifact = os.fspath(stage.artifact)
    text = (
        text.replace(f"{artifact}/", "").replace(artifact, ".").replace(os.fspath(stage.home), "(temporary)")
    )
    return text[:_LONGEST_MESSAGE] or str(failure)
