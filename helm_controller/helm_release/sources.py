"""Finds the artifact of a HelmRelease's chart, and wakes HelmReleases when it has something new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from helm_controller.helm_release.header import HelmReleaseHeader
from helm_controller.helm_release.reasons import Reason
from shared.api.helm_v2 import HelmRelease
from shared.api.meta import Artifact
from shared.api.source_v1 import GROUP
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.runtime.controller import Controller
from shared.runtime.outcome import Failure, Stalled, Waiting
from shared.runtime.sources import Informers, SourceHeader, source_header

KINDS: Final = ("HelmChart", "OCIRepository", "ExternalArtifact")


@dataclass(frozen=True, slots=True)
class ChartSource:
    """Where a chart comes from in one turn."""

    kind: str
    artifact: Artifact

    @property
    def has_digest(self) -> bool:
        """Whether the revision tells the content, so that a moved tag is noticed."""
        if self.kind == "ExternalArtifact":
            return ":" in self.artifact.revision
        return self.kind == "OCIRepository"


class Sources:
    """The source objects of the cluster, by kind."""

    def __init__(
        self,
        informers: Informers,
        *,
        cross_namespace: bool,
        external_artifacts: bool,
        wait: timedelta,
        direct: KubeClient | None = None,
    ) -> None:
        self._informers = informers
        self._direct = direct
        self._cross_namespace = cross_namespace
        self._external_artifacts = external_artifacts
        self._wait = wait

    async def resolve(self, obj: HelmRelease) -> ChartSource | Waiting | Stalled:
        """The source with its artifact; or why there is none, as the outcome of the turn.

        Raises:
            Failure: it is not there, or the API server doesn't give it.
        """
        kind, key = self._named(obj)
        what = f"{kind} {key.namespace}/{key.name}"
        if key.namespace != obj.namespace and not self._cross_namespace:
            return Stalled(
                Reason.ACCESS_DENIED, f"cross-namespace references are not allowed: cannot access {what}"
            )
        if kind == "ExternalArtifact" and not self._external_artifacts:
            return Stalled(
                Reason.ACCESS_DENIED, f"cannot access {what}: the feature gate ExternalArtifact is disabled"
            )
        header = await self._header(kind, key)
        problem = _not_ready(kind, header)
        if problem:
            text = f"{kind} '{key.namespace}/{key.name}' is not ready: {problem}"
            return Waiting(Reason.SOURCE_NOT_READY, text, self._wait)
        return ChartSource(kind, Artifact.model_validate(header.artifact))

    @staticmethod
    def _named(obj: HelmRelease) -> tuple[str, ObjectKey]:
        ref = obj.spec.chart_ref
        if ref is not None:
            return ref.kind, ObjectKey(ref.namespace or obj.namespace, ref.name)
        return "HelmChart", ObjectKey(*obj.chart_object)

    async def _header(self, kind: str, key: ObjectKey) -> SourceHeader:
        try:
            header = await source_header(self._informers, kind, key, self._direct)
        except KubeError as error:
            raise Failure(Reason.ARTIFACT_FAILED, f"could not get Source object: {error}") from error
        if header is None:
            plural = "ocirepositories" if kind == "OCIRepository" else f"{kind.lower()}s"
            text = f'could not get Source object: {plural}.{GROUP} "{key.name}" not found'
            raise Failure(Reason.ARTIFACT_FAILED, text, notify=False)
        return header


def _not_ready(kind: str, header: SourceHeader) -> str:
    if kind != "ExternalArtifact":
        if header.generation != header.observed_generation:
            said = header.ready_message if header.ready == "False" else ""
            return said or "latest generation of object has not been reconciled"
        if header.stalled:
            return header.stalled_message or "it is stalled"
    return "" if header.artifact else "does not have an artifact"


class SourceTrigger:
    """Turns news of sources into turns of the HelmReleases that use them."""

    def __init__(self, controller: Controller[HelmRelease, HelmReleaseHeader], informers: Informers) -> None:
        self._controller = controller
        for kind, informer in informers.items():
            informer.subscribe(partial(self._on_change, kind))

    def _on_change(self, kind: str, change: Change[SourceHeader]) -> None:
        new, old = change.new, change.old
        if new is None or not new.artifact or change.initial:
            return
        same = old is not None and (old.revision, old.digest) == (new.revision, new.digest)
        if same and not _became_good(old, new):
            return
        source = (kind, change.key.namespace, change.key.name)
        for key, header in self._controller.informer.store.headers():
            if header.source == source and not _knows(header, kind, new):
                self._controller.trigger(key, f"{kind}/{change.key}")


def _became_good(old: SourceHeader | None, new: SourceHeader) -> bool:
    if old is None:
        return True
    settled = new.generation == new.observed_generation and old.generation != old.observed_generation
    return settled or (new.ready == "True" and old.ready != "True")


def _knows(header: HelmReleaseHeader, kind: str, source: SourceHeader) -> bool:
    """Whether the release has taken up this revision already."""
    if header.ready != "True" and not header.reconciling:
        return False
    if kind == "HelmChart" or (kind == "ExternalArtifact" and ":" not in source.revision):
        return bool(source.revision == header.attempted_revision)
    _, _, digest = source.revision.rpartition("@")
    return bool(header.attempted_digest) and header.attempted_digest in (digest, source.revision)
