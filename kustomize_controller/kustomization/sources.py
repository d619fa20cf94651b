"""Finds the source of a Kustomization, and wakes Kustomizations when their source has something new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from kustomize_controller.kustomization.header import KustomizationHeader
from shared.api import wire
from shared.api.kustomize_v1 import Kustomization
from shared.api.meta import Artifact
from shared.api.source_v1 import GROUP
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.lang.duration import format_duration
from shared.runtime.controller import Controller
from shared.runtime.dependencies import Demand
from shared.runtime.outcome import Failure, Stalled, Waiting
from shared.runtime.sources import Informers, SourceHeader, SourceKey, source_header

KINDS: Final = ("GitRepository", "OCIRepository", "Bucket", "ExternalArtifact")


@dataclass(frozen=True, slots=True)
class Source:
    """What a Kustomization is built from in one turn."""

    key: SourceKey
    artifact: Artifact

    @property
    def revision(self) -> str:
        """Revision of the artifact."""
        return self.artifact.revision

    @property
    def origin(self) -> str:
        """Revision of the code that an OCI artifact was made from, or nothing."""
        return (self.artifact.metadata or {}).get(wire.ORIGIN_REVISION, "")


def up_to_date(source: Source) -> Demand[KustomizationHeader]:
    """What a Kustomization of the same source wants of a dependency: that it has applied the same."""

    def problem(key: ObjectKey, header: KustomizationHeader) -> str:
        if header.source == source.key and header.applied_revision != source.revision:
            return f"dependency '{key}' revision is not up to date"
        return ""

    return problem


class Sources:
    """The source objects of the cluster, by kind: from the caches, or straight from the API server."""

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

    async def resolve(self, obj: Kustomization) -> Source | Waiting | Stalled:
        """The source with its artifact; or why there is none, as the outcome of the turn.

        Raises:
            Failure: the API server doesn't give it.
        """
        ref = obj.spec.source_ref
        namespace = ref.namespace or obj.namespace
        subject = f"{ref.kind}/{namespace}/{ref.name}"
        if namespace != obj.namespace and not self._cross_namespace:
            return Stalled(
                "AccessDenied", f"can't access '{subject}', cross-namespace references have been blocked"
            )
        if ref.kind == "ExternalArtifact" and not self._external_artifacts:
            return Stalled(
                "AccessDenied", f"can't access '{subject}', ExternalArtifact feature gate is disabled"
            )
        header = await self._header(ref.kind, ObjectKey(namespace, ref.name))
        if header is None:
            plural = f"{ref.kind.lower()}s".replace("ys", "ies")
            return Waiting("ArtifactFailed", f'{plural}.{GROUP} "{ref.name}" not found', obj.retry_interval)
        if header.artifact is None:
            wait = format_duration(self._wait)
            return Waiting("ArtifactFailed", f"Source artifact not found, retrying in {wait}", self._wait)
        return Source((ref.kind, namespace, ref.name), Artifact.model_validate(header.artifact))

    async def _header(self, kind: str, key: ObjectKey) -> SourceHeader | None:
        try:
            return await source_header(self._informers, kind, key, self._direct)
        except KubeError as error:
            raise Failure("ArtifactFailed", f"unable to get source '{key}': {error}") from error


class SourceTrigger:
    """Turns news of sources into turns of the Kustomizations that use them."""

    def __init__(
        self, controller: Controller[Kustomization, KustomizationHeader], informers: Informers
    ) -> None:
        self._controller = controller
        for kind, informer in informers.items():
            informer.subscribe(partial(self._on_change, kind))

    def _on_change(self, kind: str, change: Change[SourceHeader]) -> None:
        new, old = change.new, change.old
        if new is None or not new.artifact or change.initial:
            return
        if old is not None and (old.revision, old.digest) == (new.revision, new.digest):
            return
        source = (kind, change.key.namespace, change.key.name)
        for key, header in self._controller.informer.store.headers():
            settled = header.ready == "True" or header.reconciling
            current = (
                header.attempted_revision == new.revision and old is not None and old.digest == new.digest
            )
            if header.source == source and not (settled and current):
                self._controller.trigger(key, f"{kind}/{change.key}")
