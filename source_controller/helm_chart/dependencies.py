"""Sub-charts that a chart wants and doesn't carry, from the same tree or from repositories."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from shared.api.source_v1 import HelmChart
from shared.lang.semver import Constraint, SemverError
from shared.runtime.outcome import Failure
from source_controller.helm_chart.chart import (
    Chart,
    ChartError,
    Dependency,
    Limits,
    load_directory,
    load_package,
)
from source_controller.helm_chart.remote import LoginFailed, PullFailed, RemoteChart, RemoteCharts
from source_controller.helm_chart.sources import ChartSources, NoArtifact
from source_controller.helm_chart.versions import NoSuchChart, version_of
from source_controller.helm_repository.client import HelmHttp, InvalidUrl
from source_controller.helm_repository.fetching import Indexes
from source_controller.paths import clamped

_FILE: Final = "file://"
_ALIASES: Final = ("@", "alias:")
_OCI: Final = "oci://"


class Unresolved(Exception):
    """A sub-chart can't be had; names it."""


class Repositories:
    """Where sub-charts may come from, as seen from a namespace: objects there lend their credentials."""

    def __init__(self, sources: ChartSources, remote: RemoteCharts, indexes: Indexes) -> None:
        self._sources = sources
        self._remote = remote
        self._indexes = indexes

    async def index(self, user: HelmChart, url: str, stack: AsyncExitStack) -> tuple[HelmHttp, Path]:
        """The index of a repository: the stored one of an object with that address, or a fresh one."""
        known = self._sources.repository(user.namespace, url)
        http = await self._remote.open(known) if known else self._remote.anonymous(url)
        if known is not None:
            try:
                return http, self._sources.stored(known).file
            except NoArtifact:
                pass
        return http, await stack.enter_async_context(self._indexes.fresh(http))

    async def indexed(self, http: HelmHttp, index: Path, wanted: Dependency, user: HelmChart) -> RemoteChart:
        """A sub-chart of an index; raises as `RemoteCharts` does."""
        return await self._remote.indexed(http, index, wanted.name, wanted.version, user)

    async def in_registry(self, namespace: str, wanted: Dependency) -> RemoteChart:
        """A sub-chart of a registry; raises as `RemoteCharts` does."""
        known = self._sources.repository(namespace, wanted.repository)
        if known is not None:
            return await self._remote.in_registry(known, wanted.name, wanted.version)
        return await self._remote.in_public(wanted.repository, wanted.name, wanted.version)


class Dependencies:
    """Completes charts."""

    def __init__(self, repositories: Repositories, scratch: Path, limits: Limits) -> None:
        """`scratch` is a directory for what is only needed for a moment."""
        self._repositories = repositories
        self._scratch = scratch
        self._limits = limits

    async def complete(self, chart: Chart, user: HelmChart, root: Path, path: str) -> tuple[Chart, int]:
        """A chart of a tree with all its sub-charts, for a user, and how many had to be added.

        Raises:
            Unresolved: one can't be had.
        """
        missing = wanting(chart)
        if not missing:
            return chart, 0
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._scratch)))
            remote = _Remote(self._repositories, self._limits, user, stack, folder)
            added = [await self._added(dependency, root, path, remote) for dependency in missing]
        return chart.with_charts((*chart.charts, *added)), len(added)

    async def _added(self, wanted: Dependency, root: Path, path: str, remote: _Remote) -> Chart:
        is_local = not wanted.repository or wanted.repository.startswith(_FILE)
        try:
            if is_local:
                chart = await asyncio.to_thread(local, wanted, root, path, self._limits)
            else:
                chart = await remote.chart(wanted)
        except (NoSuchChart, PullFailed, LoginFailed, InvalidUrl, ChartError, Failure, OSError) as error:
            why = (error.strerror or "input/output error") if isinstance(error, OSError) else str(error)
            where = "local" if is_local else "remote"
            raise Unresolved(f"failed to add {where} dependency '{wanted.name}': {why}") from error
        return chart.renamed(wanted.alias) if wanted.alias else chart


class _Remote:
    """Downloads sub-charts of one chart, which share a folder and the indexes that had to be fetched."""

    def __init__(
        self,
        repositories: Repositories,
        limits: Limits,
        user: HelmChart,
        stack: AsyncExitStack,
        folder: Path,
    ) -> None:
        self._repositories = repositories
        self._limits = limits
        self._user = user
        self._stack = stack
        self._folder = folder
        self._indexes: dict[str, tuple[HelmHttp, Path]] = {}

    async def chart(self, wanted: Dependency) -> Chart:
        found = await self._found(wanted)
        file = self._folder / f"{wanted.alias or wanted.name}.tgz"
        await found.download(file)
        return await asyncio.to_thread(load_package, file, self._limits)

    async def _found(self, wanted: Dependency) -> RemoteChart:
        url = wanted.repository
        if url.startswith(_ALIASES):
            raise PullFailed(f"aliased repository dependency is not supported: {url}")
        if url.startswith(_OCI):
            return await self._repositories.in_registry(self._user.namespace, wanted)
        if not url.startswith(("http://", "https://")):
            raise PullFailed("invalid dependency repository URL: it needs the scheme http, https or oci")
        if url not in self._indexes:
            self._indexes[url] = await self._repositories.index(self._user, url, self._stack)
        http, index = self._indexes[url]
        return await self._repositories.indexed(http, index, wanted, self._user)


def wanting(chart: Chart) -> list[Dependency]:
    """The sub-charts that a chart names and doesn't carry; as many as it names are never too few."""
    wanted = chart.metadata.dependencies if chart.lock is None else chart.lock
    if len(wanted) == len(chart.charts):
        return []
    there = {carried.metadata.name for carried in chart.charts}
    return [dependency for dependency in wanted if (dependency.alias or dependency.name) not in there]


def local(wanted: Dependency, root: Path, path: str, limits: Limits) -> Chart:
    """A sub-chart of the same tree; `path` is that of the chart that wants it. Blocks.

    Raises:
        NoSuchChart: there is none, or not of that version.
        ChartError: it can't be used.
    """
    reference = wanted.repository.removeprefix(_FILE) or f"charts/{wanted.name}"
    there = "/".join(clamped(f"{path}/{reference}"))
    target = root / there
    if target.is_dir():
        chart = load_directory(root, there, limits)
    elif target.is_file():
        chart = load_package(target, limits)
    else:
        raise NoSuchChart(f"no chart found at '/{there}' (reference '{wanted.repository}')")
    try:
        accepted = Constraint.parse(wanted.version or "*")
    except SemverError as error:
        raise NoSuchChart(f"invalid version/constraint format '{wanted.version}': {error}") from error
    version = version_of(chart.metadata.version)
    if version is None or not accepted.check(version):
        raise NoSuchChart(f"can't get a valid version for constraint '{wanted.version}'")
    return chart
