"""Charts of HelmRepositories: which one is meant, and how to get it, be it from an index or a registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from shared import oci
from shared.api.meta import CustomResource
from shared.api.source_v1 import HelmRepository
from shared.api.source_v1.helm import DEFAULT_TIMEOUT
from shared.lang.digest import Digest
from shared.observe import metrics
from shared.oci import Access, ContentRefused, Descriptor, InvalidRepository, Registries, Registry, Repository
from source_controller.helm_chart.versions import choose, choose_tag, version_of
from source_controller.helm_repository.access import HelmClients
from source_controller.helm_repository.client import (
    DownloadError,
    HelmHttp,
    InvalidUrl,
    LoginRefused,
    TooLarge,
)
from source_controller.helm_repository.index import ChartEntry, IndexDamaged, StoredIndex

CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class PullFailed(Exception):
    """A chart can't be had now; may be shown to anybody."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        """`retry_after` is how long the server wants to be left alone, if it said so."""
        super().__init__(message)
        self.retry_after = retry_after


class LoginFailed(Exception):
    """A repository wants to know who we are, or doesn't let that one in; may be shown to anybody."""


class RemoteChart(Protocol):
    """A chart of a repository, which has been found and not been downloaded."""

    @property
    def name(self) -> str:
        """As the repository calls it, or the HelmChart."""

    @property
    def version(self) -> str:
        """With build metadata, if it has any."""

    async def download(self, file: Path) -> None:
        """Writes the package into a new file.

        Raises:
            PullFailed: it doesn't come, or is larger than it may be.
            LoginFailed: the login isn't good enough.
        """


@dataclass(frozen=True, slots=True)
class IndexedChart:
    """A chart in an index."""

    entry: ChartEntry
    http: HelmHttp
    limit: int

    @property
    def name(self) -> str:
        """As the index has it."""
        return self.entry.name

    @property
    def version(self) -> str:
        """As the index has it."""
        return self.entry.version

    async def download(self, file: Path) -> None:
        """See `RemoteChart`; the first address of the entry counts."""
        if not self.entry.urls:
            raise PullFailed(f"chart '{self.name}' has no downloadable URLs")
        try:
            await self.http.download(self.http.resolve(self.entry.urls[0]), file, self.limit)
        except InvalidUrl as error:
            raise PullFailed(f"invalid chart URL in the index: {error}") from error
        except TooLarge as error:
            raise too_large(self.name, error.limit) from error
        except LoginRefused as error:
            raise LoginFailed(str(error)) from error
        except DownloadError as error:
            raise PullFailed(str(error), error.retry_after) from error


@dataclass(frozen=True, slots=True)
class RegistryChart:
    """A chart in a registry; `digest` is what its tag named when it was looked up first."""

    name: str
    version: str
    registry: Registry
    access: Access
    limit: int
    timeout: timedelta

    @property
    def tag(self) -> str:
        """The version as a tag can have it."""
        return self.version.replace("+", "_")

    async def digest(self) -> Digest:
        """What the tag names now.

        Raises:
            PullFailed: nothing, as far as can be told.
            LoginFailed: the login isn't good enough.
        """
        async with _answers(self.timeout):
            return await self.registry.digest(self.tag)

    async def download(self, file: Path, digest: Digest | None = None) -> None:
        """See `RemoteChart`; with a digest it is that one, whatever the tag names by now."""
        async with _answers(self.timeout):
            manifest = await self.registry.manifest(str(digest) if digest else self.tag)
            layer = _content(manifest.layers)
            if layer.size > self.limit:
                raise too_large(self.name, self.limit)
            with file.open("wb", buffering=0) as out:
                async for piece in self.registry.blob(layer):
                    await asyncio.to_thread(out.write, piece)


class RemoteCharts:
    """Finds charts in repositories."""

    def __init__(
        self, clients: HelmClients, registries: Registries, limit: int, *, counted: bool = False
    ) -> None:
        """`limit` is for packages, in bytes; `counted` counts how often an index was known already."""
        self._clients = clients
        self._registries = registries
        self._limit = limit
        self._counted = counted

    async def indexed(
        self, http: HelmHttp, index: Path, chart: str, version: str, user: CustomResource
    ) -> IndexedChart:
        """A chart of an index that lies in a file; it is counted under the name of the user.

        Raises:
            NoSuchChart: the index has none.
            PullFailed: the file isn't an index.
        """

        def read() -> tuple[list[ChartEntry], bool]:
            opened = StoredIndex.open(index)
            return opened.versions(chart), opened.remembered

        try:
            entries, remembered = await asyncio.to_thread(read)
        except (IndexDamaged, OSError) as error:
            raise PullFailed("the stored index of the repository can't be read") from error
        if self._counted:
            event = "cache_hit" if remembered else "cache_miss"
            metrics.cache_events.labels(event, user.name, user.namespace).inc()
        return IndexedChart(choose(entries, chart, version), http, self._limit)

    async def open(self, obj: HelmRepository) -> HelmHttp:
        """The client of a repository with an index; raises as `HelmClients.open` does."""
        return await self._clients.open(obj)

    def anonymous(self, url: str) -> HelmHttp:
        """The client of a repository that no object describes; raises `InvalidUrl`."""
        return self._clients.anonymous(url)

    async def in_registry(self, obj: HelmRepository, chart: str, version: str) -> RegistryChart:
        """A chart of a registry that an object describes.

        Raises:
            InvalidUrl: the address isn't that of a registry.
            NoSuchChart: the version is none.
            PullFailed: no version fits, or the registry doesn't tell.
            LoginFailed: the login isn't good enough.
            Failure: a Secret is missing or can't be used.
        """
        repository = _repository(obj.spec.url, chart)
        access = await self._clients.registry(obj, repository)
        return await self._tagged(repository, access, chart, version, obj.spec.timeout or DEFAULT_TIMEOUT)

    async def in_public(self, url: str, chart: str, version: str) -> RegistryChart:
        """A chart of a registry that no object describes; raises as `in_registry` does."""
        return await self._tagged(_repository(url, chart), Access(), chart, version, DEFAULT_TIMEOUT)

    async def _tagged(
        self, repository: Repository, access: Access, chart: str, version: str, timeout: timedelta
    ) -> RegistryChart:
        registry = self._registries.registry(repository, access)
        if version_of(version) is None:
            async with _answers(timeout):
                tags = await registry.tags()
            found = choose_tag(tags, version)
            if found is None:
                raise PullFailed(f"could not locate a version matching provided version string {version}")
            version = found
        return RegistryChart(chart, version, registry, access, self._limit, timeout)


def too_large(chart: str, limit: int) -> PullFailed:
    """A package is larger than the flag allows."""
    return PullFailed(f"size of chart '{chart}' exceeds '{limit}' bytes limit (--helm-chart-max-size)")


def _repository(url: str, chart: str) -> Repository:
    try:
        return Repository.parse(f"{url.rstrip('/')}/{chart}")
    except InvalidRepository as error:
        raise InvalidUrl(str(error)) from error


def _content(layers: list[Descriptor]) -> Descriptor:
    for layer in layers:
        if layer.media_type == CHART_LAYER:
            return layer
    known = ", ".join(sorted({layer.media_type for layer in layers})) or "no layers"
    raise ContentRefused(f"it has no layer of the type {CHART_LAYER}, but {known}")


@asynccontextmanager
async def _answers(timeout: timedelta) -> AsyncIterator[None]:
    """Trouble with a registry, or one that is late."""
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            yield
    except oci.LoginRefused as error:
        raise LoginFailed(str(error)) from error
    except oci.OciError as error:
        raise PullFailed(str(error), error.retry_after) from error
    except TimeoutError:
        raise PullFailed("the registry didn't answer in time: context deadline exceeded") from None
