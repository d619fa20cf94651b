"""The helm program as a renderer: it makes a release of a chart and values, and writes nothing anywhere.

One child per rendering, `--dry-run=server` with Helm's memory driver: functions such as `lookup` and the
capabilities are those of the real cluster, the earlier revision comes from a file. Values, access and
history are files in a private folder, never arguments; but for integers that no Secret holds, see
`Rendering.assigned`.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from helm_controller.release.model import Release, UnreadableRelease
from helm_controller.rendering.slots import RenderSlots
from helm_controller.values.secrecy import without_secrets
from shared.kube.client import KubeClient
from shared.lang import json
from shared.lang.json import JsonObject
from shared.observe import metrics
from shared.process import ArgumentsTooLong, Jail, Limits, ProcessError, ProgramFailed, run
from shared.process.scratch import scratch_folder

_NOISE: Final = re.compile(r"^(level=(WARN|INFO|DEBUG) |WARNING: ).*\n?", re.MULTILINE)
_PREFIX: Final = re.compile(r"^Error: ((INSTALLATION|UPGRADE) FAILED: )?")
_TIMEOUT: Final = timedelta(minutes=2)
_LONGEST: Final = 4096
_TOO_MANY: Final = (
    "spec.valuesFrom sets more integers by targetPath than helm can be given; take them from a Secret, or "
    "put them in quotes"
)


class RenderError(Exception):
    """The chart can't be rendered; the message is Helm's own."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What is to be rendered."""

    chart: Path
    name: str
    namespace: str
    values: JsonObject
    #: Numbers in the notation of --set, which stay integers; in a file of values all numbers are doubles.
    assigned: Sequence[str] = ()
    #: The revision that comes before; None for a first installation.
    last: Release | None = None
    #: The revision whose values are reused.
    current: Release | None = None
    upgrade: bool = False
    reuse_values: bool = False
    skip_schema: bool = False
    dns: bool = False
    #: What must not be repeated in messages.
    secrets: Sequence[str] = field(default=(), repr=False)


class HelmProgram:
    """Runs the program, a few at a time."""

    def __init__(
        self, program: Path, scratch: Path, slots: RenderSlots, limits: Limits | None = None
    ) -> None:
        self._program = program
        self._scratch = scratch
        self._slots = slots
        self._limits = limits or Limits()

    async def render(self, client: KubeClient, wanted: Rendering) -> Release:
        """The release that Helm would make; not stored, with the next free revision.

        Raises:
            RenderError: a template, the values or their schema are wrong.
        """
        access = await client.kubeconfig()
        async with self._slots.of(client), scratch_folder(self._scratch) as folder:
            await asyncio.to_thread(_prepare, folder, access.document, wanted)
            argv: list[str | Path] = [self._program, *_arguments(folder, wanted, client.identity)]
            jail = Jail(read=(wanted.chart, self._program, *access.files), write=(folder,), network=True)
            try:
                with _timed():
                    done = await run(
                        argv,
                        cwd=folder,
                        env=_environment(folder),
                        timeout=_TIMEOUT,
                        limits=self._limits,
                        jail=jail,
                    )
            except ProgramFailed as error:
                raise RenderError(_said(error, folder, wanted)) from error
            except ArgumentsTooLong as error:
                raise RenderError(_TOO_MANY) from error
            except ProcessError as error:
                raise RenderError(str(error)) from error
        try:
            return Release.of_wire(json.loads_object(done.stdout))
        except (json.JsonError, UnreadableRelease) as error:
            raise RenderError(f"helm answered no release: {error}") from error


@contextmanager
def _timed() -> Iterator[None]:
    loop = asyncio.get_running_loop()
    started, result = loop.time(), "error"
    try:
        yield
        result = "success"
    finally:
        metrics.helm_render_duration.labels(result).observe(loop.time() - started)


def _arguments(folder: Path, wanted: Rendering, user: str) -> list[str]:
    arguments = ["upgrade" if wanted.upgrade else "install", wanted.name, os.fspath(wanted.chart)]
    arguments += ["--namespace", wanted.namespace, "--dry-run=server", "--output=json"]
    arguments += ["--values", os.fspath(folder / "values.json"), "--kubeconfig", os.fspath(folder / "access")]
    arguments += ["--skip-crds", "--disable-openapi-validation"]
    arguments += [f"--set={assignment}" for assignment in wanted.assigned]
    if user:
        arguments += ["--kube-as-user", user]
    if wanted.upgrade:
        arguments.append("--reuse-values" if wanted.reuse_values else "--reset-values")
    elif wanted.last is not None:
        arguments.append("--replace")
    if wanted.skip_schema:
        arguments.append("--skip-schema-validation")
    if wanted.dns:
        arguments.append("--enable-dns")
    return arguments


def _environment(folder: Path) -> dict[str, str]:
    home = os.fspath(folder)
    return {
        "HOME": home,
        "TMPDIR": home,
        "HELM_CACHE_HOME": f"{home}/cache",
        "HELM_CONFIG_HOME": f"{home}/config",
        "HELM_DATA_HOME": f"{home}/data",
        "HELM_DRIVER": "memory",
        "HELM_MEMORY_DRIVER_DATA": f"{home}/history",
        "HELM_NO_PLUGINS": "1",
        # What the API server serves is asked once per child, so a copy on disk has no reader.
        "KUBECACHEDIR": "/dev/null",
        # Helm holds kubectl, which at each start reads its catalog of messages, although Helm shows none of
        # them: a third of a child's time. That of this language has next to nothing in it.
        "LANG": "fr_FR.UTF-8",
        "GOMAXPROCS": "2",
        # A child lives for a moment: collecting its garbage would take a quarter of that, unless it is large.
        "GOGC": "400",
        "GOMEMLIMIT": "192MiB",
    }


def _prepare(folder: Path, access: JsonObject, wanted: Rendering) -> None:
    for name, content in (
        ("access", access),
        ("values.json", wanted.values),
        ("history", _history(wanted)),
    ):
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps_for_yaml(content))


def _history(wanted: Rendering) -> list[JsonObject]:
    """One revision in place of all: the number of the newest, the content of what is in the cluster."""
    if wanted.last is None:
        return []
    current = wanted.current or wanted.last
    chart = {"metadata": current.chart.get("metadata") or {}, "values": current.chart.get("values") or {}}
    return [
        {
            "name": wanted.name,
            "namespace": wanted.namespace,
            "version": wanted.last.version,
            "info": {"status": "deployed" if wanted.upgrade else "uninstalled"},
            "chart": chart,
            "config": current.config,
            "manifest": "",
        }
    ]


def _said(error: ProgramFailed, folder: Path, wanted: Rendering) -> str:
    text = _NOISE.sub("", error.stderr).strip()
    text = _PREFIX.sub("", text).replace(os.fspath(wanted.chart), "chart").replace(f"{folder}/", "")
    return without_secrets(text, wanted.secrets)[:_LONGEST] or str(error)
