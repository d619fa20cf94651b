"""Charts from artifacts: downloaded once, known by name and version ever after."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from helm_controller.helm_release.sources import ChartSource
from shared.artifact.fetch import ArtifactFetcher
from shared.lang import yaml
from shared.lang.bounded import remember
from shared.lang.json import JsonObject, mapping
from shared.lang.semver import SemverError, Version
from shared.process.scratch import scratch_folder

_KNOWN: Final = 2048
_DIGITS: Final = 12


class InvalidChart(Exception):
    """An artifact holds no chart."""


class ChartMutateError(Exception):
    """The revision of the artifact does not fit to the version of the chart."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as it is used: its version tells the content of the artifact where that is wanted."""

    source: ChartSource
    name: str
    version: str
    app_version: str
    #: Digest of the artifact that the version comes from, for status and events.
    oci_digest: str
    #: Whether the version differs from the one in the package.
    mutated: bool

    @property
    def text(self) -> str:
        """`<name>@<version>`."""
        return f"{self.name}@{self.version}"


class Charts:
    """Loads charts; those of unchanged artifacts cost nothing."""

    def __init__(self, fetcher: ArtifactFetcher, scratch: Path, *, track_digests: bool) -> None:
        self._fetcher = fetcher
        self._scratch = scratch
        self._track = track_digests
        self._known: OrderedDict[tuple[str, str, str], Chart] = OrderedDict()

    async def load(self, source: ChartSource) -> Chart:
        """Name and version of the chart of an artifact.

        Raises:
            ArtifactError: it can't be had; InvalidChart: it is none; ChartMutateError: see there.
        """
        artifact = source.artifact
        key = (source.kind, artifact.digest, artifact.revision)
        known = self._known.get(key)
        if known is None:
            async with self._fetcher.fetch(artifact.url, artifact.digest) as tree:
                _, metadata = await asyncio.to_thread(_metadata, tree)
            known = self._described(source, metadata)
            remember(self._known, key, known, _KNOWN)
        # The same content may be served at other places, and the place of whoever came first may be gone.
        return replace(known, source=source)

    @asynccontextmanager
    async def folder(self, chart: Chart) -> AsyncIterator[Path]:
        """The unpacked chart, with the version that it is used by; nobody may write into it.

        Raises:
            ArtifactError: it can't be had any more.
        """
        artifact = chart.source.artifact
        async with self._fetcher.fetch(artifact.url, artifact.digest) as tree:
            root, metadata = await asyncio.to_thread(_metadata, tree)
            if not chart.mutated:
                yield root
                return
            async with scratch_folder(self._scratch) as folder:
                changed = {**metadata, "version": chart.version}
                yield await asyncio.to_thread(_linked, root, folder / "chart", yaml.dump(changed))

    def _described(self, source: ChartSource, metadata: JsonObject) -> Chart:
        name, version, text = (_text(metadata, key) for key in ("name", "version", "appVersion"))
        if not source.has_digest:
            return Chart(source, name, version, text, "", mutated=False)
        mutated, digest = _with_digest(version, source.artifact.revision)
        if not self._track:
            return Chart(source, name, version, text, digest, mutated=False)
        return Chart(source, name, mutated, text, digest, mutated=True)


def _with_digest(version: str, revision: str) -> tuple[str, str]:
    """The version with the start of the digest as build metadata, and the digest."""
    try:
        parsed = Version.parse(version)
    except SemverError as error:
        raise ChartMutateError(f"invalid chart version {version}") from error
    tag, at, digest = revision.partition("@")
    tagged = _parsed(tag.replace("_", "+")) if at else None
    if tagged is None:
        # Not named by a version: the whole revision counts.
        digest = revision
    elif tagged != parsed:
        raise ChartMutateError(f"artifact revision {tag} does not match chart version {version}")
    _, colon, digits = digest.rpartition(":")
    if not colon or len(digits) < _DIGITS:
        raise ChartMutateError(f"artifact revision {revision} has no digest")
    core = f"{parsed.major}.{parsed.minor}.{parsed.patch}"
    pre = f"-{parsed.prerelease}" if parsed.prerelease else ""
    return f"{core}{pre}+{digits[:_DIGITS]}", digest


def _parsed(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except SemverError:
        return None


def _metadata(tree: Path) -> tuple[Path, JsonObject]:
    """The folder of the chart in an artifact, and what its Chart.yaml says."""
    root = _root(tree)
    try:
        content: Any = yaml.load_yaml11((root / "Chart.yaml").read_bytes())
    except (OSError, yaml.YamlError) as error:
        raise InvalidChart(f"Chart.yaml can't be read: {error}") from error
    metadata = mapping(content)
    if not metadata.get("name") or not metadata.get("version"):
        raise InvalidChart("Chart.yaml needs a name and a version")
    return root, metadata


def _text(metadata: JsonObject, key: str) -> str:
    """A text, also where Chart.yaml has a number or a boolean."""
    value = metadata.get(key)
    return yaml.scalar_text(value) if isinstance(value, int | float) else str(value or "")


def _root(tree: Path) -> Path:
    if (tree / "Chart.yaml").is_file():
        return tree
    found = sorted(entry for entry in tree.iterdir() if (entry / "Chart.yaml").is_file())
    if not found:
        raise InvalidChart("the artifact is no chart: it has no Chart.yaml")
    return found[0]


def _linked(root: Path, target: Path, chart_yaml: str) -> Path:
    """The same files, but for Chart.yaml."""
    for folder, _, files in os.walk(root):
        here = target / Path(folder).relative_to(root)
        here.mkdir()
        for name in files:
            if here != target or name != "Chart.yaml":
                os.link(Path(folder) / name, here / name)
    (target / "Chart.yaml").write_text(chart_yaml)
    return target
