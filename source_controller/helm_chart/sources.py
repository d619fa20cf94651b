"""Where a chart comes from: the object that its HelmChart names, as the watch knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from shared.api.decode import InvalidObject, decode
from shared.api.meta import Artifact
from shared.api.source_v1 import Bucket, GitRepository, HelmChart, HelmRepository
from shared.kube.client import KubeClient
from shared.kube.errors import ApiError
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey, Resource
from shared.kube.store import Change
from shared.lang.json import JsonObject, mapping
from shared.runtime.controller import Controller
from shared.runtime.header import Header
from shared.runtime.outcome import Failure
from source_controller.artifacts import FETCH_FAILED, SourceHeader
from source_controller.helm_chart.conditions import Reason
from source_controller.helm_repository.client import InvalidUrl, repository_url
from source_controller.storage import Storage

Source: TypeAlias = HelmRepository | GitRepository | Bucket
Sources: TypeAlias = Mapping[str, Informer[SourceHeader]]
"""The informers of all kinds that charts come from."""

_OCI: Final = "oci"
_KINDS: Final[Mapping[str, type[Source]]] = {
    kind.KIND: kind for kind in (HelmRepository, GitRepository, Bucket)
}


class NoArtifact(Exception):
    """A source is there, and has nothing to give yet; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A source with the file of its artifact."""

    source: Source
    artifact: Artifact
    file: Path

    @property
    def short_revision(self) -> str:
        """What tells one revision from another in the version of a chart."""
        return self.artifact.revision.rpartition(":")[2][:12]


def is_registry(source: Source) -> bool:
    """Whether it has no artifact, but only says where charts are."""
    return isinstance(source, HelmRepository) and source.spec.type == _OCI


class ChartSources:
    """Looks up what HelmCharts refer to."""

    def __init__(self, client: KubeClient, storage: Storage, informers: Sources) -> None:
        self._client = client
        self._storage = storage
        self._informers = informers

    async def find(self, chart: HelmChart) -> Source:
        """The source of a chart.

        Raises:
            Failure: it isn't there, or can't be read.
        """
        reference = chart.spec.source_ref
        try:
            raw = await self._raw(reference.kind, ObjectKey(chart.namespace, reference.name))
            return decode(_KINDS[reference.kind], raw)
        except ApiError as error:
            raise _unavailable(error.message) from error
        except InvalidObject as error:
            raise _unavailable(f"{reference.kind} '{chart.namespace}/{reference.name}': {error}") from error

    def stored(self, source: Source) -> Stored:
        """The artifact of a source, which is there now.

        Raises:
            NoArtifact: it isn't.
        """
        artifact = source.artifact
        file = self._storage.layout.file(artifact.path) if artifact else None
        if artifact is None or file is None:
            raise NoArtifact(f"no artifact available for {source.KIND} source '{source.name}'")
        return Stored(source, artifact, file)

    def repository(self, namespace: str, url: str) -> HelmRepository | None:
        """The first HelmRepository of a namespace that has an address; there may be none."""
        informer = self._informers[HelmRepository.KIND]
        wanted = _normal(url)
        for key in sorted(informer.store):
            header = informer.store.header(key)
            if key.namespace != namespace or header is None or _normal(header.url) != wanted:
                continue
            raw = informer.store.get(key)
            try:
                return decode(HelmRepository, raw) if raw else None
            except InvalidObject:
                continue
        return None

    async def _raw(self, kind: str, key: ObjectKey) -> JsonObject:
        """As the watch knows it; what it doesn't know yet is asked for."""
        known = self._informers[kind].store.get(key)
        if known is not None:
            return known
        model = _KINDS[kind]
        resource = Resource(model.GROUP, model.VERSION, model.PLURAL, model.KIND)
        return await self._client.get(resource, key.namespace, key.name)


@dataclass(frozen=True, slots=True)
class ChartHeader(Header):
    """What is kept decoded of every HelmChart; from unvalidated JSON, so everything may be missing."""

    source: tuple[str, str]
    """Kind and name of its source."""
    observed: str
    """The revision of the source that it was last made from."""

    @classmethod
    def of(cls, obj: JsonObject) -> Self:
        """From an object in wire form; never raises."""
        base = Header.of(obj)
        reference = mapping(mapping(obj.get("spec")).get("sourceRef"))
        observed = mapping(obj.get("status")).get("observedSourceArtifactRevision")
        source = (str(reference.get("kind") or ""), str(reference.get("name") or ""))
        return cls(base.generation, base.requested_at, base.deleting, source, str(observed or ""))


class ChartTrigger:
    """Brings charts back when their source has another artifact, or comes to be."""

    def __init__(self, charts: Controller[HelmChart, ChartHeader], sources: Sources) -> None:
        self._charts = charts
        for kind, informer in sources.items():
            informer.subscribe(_Watcher(charts, kind).on_change)


class _Watcher:
    """Watches one kind of sources."""

    def __init__(self, charts: Controller[HelmChart, ChartHeader], kind: str) -> None:
        self._charts = charts
        self._kind = kind

    def on_change(self, change: Change[Any]) -> None:
        old: SourceHeader | None = change.old
        new: SourceHeader | None = change.new
        if change.initial or new is None or (old is not None and old.revision == new.revision):
            return
        if old is not None and not new.revision:
            return
        source = (self._kind, change.key.name)
        for key, chart in self._charts.informer.store.headers():
            waits = chart.observed != new.revision or not new.revision
            if key.namespace == change.key.namespace and chart.source == source and waits:
                self._charts.trigger(key, f"{self._kind}/{change.key}")


def _unavailable(why: str) -> Failure:
    return Failure(Reason.SOURCE_UNAVAILABLE, f"failed to get source: {why}", condition=FETCH_FAILED)


def _normal(url: str) -> str:
    """An address as it is compared with others."""
    if url.startswith("oci://"):
        return url.rstrip("/")
    try:
        return str(repository_url(url))
    except InvalidUrl:
        return url
