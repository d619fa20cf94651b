"""Charts of GitRepositories and Buckets: directories and packages in the tree of an artifact.

A directory is always packaged, with the sub-charts that it wants; a package is served as it is, unless its
values or its version have to become others.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import HelmChart
from source_controller.helm_chart.builds import Build, merged_before, merged_now
from source_controller.helm_chart.chart import (
    Chart,
    ChartError,
    Limits,
    Metadata,
    MetadataError,
    load_directory,
    load_package,
    read_metadata,
    values_at,
)
from source_controller.helm_chart.conditions import BuildError, Fault
from source_controller.helm_chart.dependencies import Dependencies, Unresolved
from source_controller.helm_chart.packaging import package, packaging, target_version, with_values
from source_controller.helm_chart.sources import Stored
from source_controller.helm_chart.trees import TreeRefused, Trees
from source_controller.paths import clamped

_EVERY_REVISION: Final = "Revision"
_CHART: Final = "Chart.yaml"


@dataclass(frozen=True, slots=True)
class _Local:
    """A chart in a tree; a directory has been read already."""

    path: str
    file: Path
    metadata: Metadata
    directory: Chart | None

    def content(self, limits: Limits) -> Chart:
        """All of it. Blocks."""
        if self.directory is not None:
            return self.directory
        with packaging():
            return load_package(self.file, limits)


class TreeBuilds:
    """Builds charts of sources that are trees of files."""

    def __init__(self, trees: Trees, dependencies: Dependencies, scratch: Path, limits: Limits) -> None:
        """`scratch` is a directory for what is only needed for a moment."""
        self._trees = trees
        self._dependencies = dependencies
        self._scratch = scratch
        self._limits = limits

    @asynccontextmanager
    async def build(self, obj: HelmChart, stored: Stored, current: Artifact | None) -> AsyncIterator[Build]:
        """The chart as it is in the tree now; its file goes with the block.

        Raises:
            BuildError: it can't be built.
        """
        folder = await asyncio.to_thread(lambda: tempfile.TemporaryDirectory(dir=self._scratch))
        try:
            async with self._trees.open(stored) as root:
                yield await self._built(obj, stored, root, current, Path(folder.name))
        except TreeRefused as error:
            text = f"the artifact of {stored.source.KIND} '{stored.source.name}' can't be unpacked: {error}"
            raise BuildError(Fault.PULL, text) from error
        finally:
            await asyncio.to_thread(folder.cleanup)

    async def _built(
        self, obj: HelmChart, stored: Stored, root: Path, current: Artifact | None, folder: Path
    ) -> Build:
        chart = await asyncio.to_thread(_found, root, obj.spec.chart, self._limits)
        build = _target(obj, stored, chart)
        if build.is_stored(obj, current):
            return replace(build, values_files=merged_before(obj))
        if not build.packaged:
            return replace(build, file=chart.file)
        content = await asyncio.to_thread(chart.content, self._limits)
        names, optional = merged_now(obj), obj.spec.ignore_missing_values_files
        merged: tuple[str, ...] = ()
        if names:
            content, merged = await asyncio.to_thread(
                with_values, content, lambda: values_at(root, names, optional, self._limits)
            )
        added = 0
        if chart.directory is not None:
            try:
                content, added = await self._dependencies.complete(content, obj, root, chart.path)
            except Unresolved as error:
                raise BuildError(Fault.DEPENDENCY, error) from error
        file = await asyncio.to_thread(package, content, build.version, folder / "chart.tgz")
        return replace(build, file=file, values_files=merged, added=added)


def _found(root: Path, reference: str, limits: Limits) -> _Local:
    """The chart that is meant. Blocks."""
    if reference.startswith("/"):
        raise BuildError(Fault.REFERENCE, "local chart reference path is expected to be relative")
    path = "/".join(clamped(reference))
    target = root / path
    try:
        if (target / _CHART).is_file():
            chart = load_directory(root, path, limits)
            return _Local(path, target, chart.metadata, chart)
        if target.is_file():
            return _Local(path, target, read_metadata(target, limits), None)
    except MetadataError as error:
        raise BuildError(Fault.REFERENCE, f"'/{path}': {error}") from error
    except ChartError as error:
        fault = Fault.PACKAGE if target.is_dir() else Fault.REFERENCE
        raise BuildError(fault, f"'/{path}': {error}") from error
    raise BuildError(Fault.REFERENCE, f"no chart found at '/{path}' (reference '{reference}')")


def _target(obj: HelmChart, stored: Stored, chart: _Local) -> Build:
    """What is wanted: an own version of it for each revision, and for each generation with values."""
    merged = bool(merged_now(obj))
    version = target_version(
        chart.metadata.version,
        stored.short_revision if obj.spec.reconcile_strategy == _EVERY_REVISION else "",
        str(obj.generation) if merged else "",
    )
    packaged = chart.directory is not None or merged or version != chart.metadata.version
    return Build(chart.metadata.name, version, packaged=packaged)
