"""From source to desired objects: fetch, variables, build, marks."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from kustomize_controller.kustomization.builder import ManifestBuilder
from kustomize_controller.kustomization.events import Reason
from kustomize_controller.kustomization.metadata import EncryptedSecret, decorate, own, refuse_encrypted
from kustomize_controller.kustomization.paths import directory_at
from kustomize_controller.kustomization.request import (
    BuildFailed,
    BuildRequest,
    Built,
    ImageOverride,
    Overlay,
    PathNotFound,
    Substitution,
)
from kustomize_controller.kustomization.sources import Source
from kustomize_controller.kustomization.variables import Variables
from shared.api.kustomize_v1 import Kustomization
from shared.artifact.fetch import ArtifactError, ArtifactFetcher, ArtifactNotFound
from shared.lang.duration import format_duration
from shared.runtime.outcome import Failure, Waiting
from shared.runtime.turn import Turn


class DesiredSet:
    """Produces what a Kustomization wants in the cluster at one revision of its source."""

    def __init__(
        self,
        artifacts: ArtifactFetcher,
        builder: ManifestBuilder,
        variables: Variables,
        *,
        strict: bool,
        wait: timedelta,
    ) -> None:
        self._artifacts = artifacts
        self._builder = builder
        self._variables = variables
        self._strict = strict
        self._wait = wait

    async def build(self, obj: Kustomization, source: Source, turn: Turn[Kustomization]) -> Built | Waiting:
        """The objects with their owner labels; `Waiting` while the source controller can't serve the
        artifact.

        Raises:
            Failure: fetch, build, substitution or a still encrypted Secret.

        """
        limit = f"for revision {source.revision} with a timeout of {format_duration(obj.timeout)}"
        turn.progress(f"Fetching manifests {limit}", ready="Reconciliation in progress")
        try:
            built = await self._built(obj, source, turn, f"Building manifests {limit}")
            self._mark(obj, built)
        except ArtifactNotFound:
            message = f"Source is not ready, artifact not found, retrying in {format_duration(self._wait)}"
            return Waiting(Reason.ARTIFACT_FAILED, message, self._wait)
        except (ArtifactError, PathNotFound) as error:
            raise Failure(Reason.ARTIFACT_FAILED, str(error), retry_after=obj.retry_interval) from error
        except BuildFailed as error:
            raise Failure(Reason.BUILD_FAILED, str(error), retry_after=obj.retry_interval) from error
        except EncryptedSecret as error:
            raise Failure(Reason.FAILED, str(error), retry_after=obj.retry_interval) from error
        return built

    async def _built(
        self, obj: Kustomization, source: Source, turn: Turn[Kustomization], message: str
    ) -> Built:
        try:
            request = await self._request(obj, source)
        except Failure:
            await self._attempt(obj, source, turn)
            raise
        built = await self._builder.rebuild(request)
        if built is None:
            async with self._artifacts.fetch(source.artifact.url, source.artifact.digest) as tree:
                await asyncio.to_thread(directory_at, tree, request.path)
                turn.progress(message, ready="Reconciliation in progress")
                turn.draft["lastAttemptedRevision"] = source.revision
                built = await self._builder.build(tree, request)
        turn.draft["lastAttemptedRevision"] = source.revision
        return built

    async def _attempt(self, obj: Kustomization, source: Source, turn: Turn[Kustomization]) -> None:
        """Notes that a revision is tried which can't be built, unless its artifact is to blame."""
        if turn.draft["lastAttemptedRevision"] != source.revision:
            async with self._artifacts.fetch(source.artifact.url, source.artifact.digest) as tree:
                await asyncio.to_thread(directory_at, tree, obj.spec.path or "")
            turn.draft["lastAttemptedRevision"] = source.revision

    async def _request(self, obj: Kustomization, source: Source) -> BuildRequest:
        spec = obj.spec
        substitution = None
        if spec.post_build is not None:
            values = await self._variables.load(obj)
            substitution = Substitution(
                variables=values.text,
                not_text=values.not_text,
                always=spec.post_build.substitute_strategy == "Always",
                strict=self._strict,
            )
        return BuildRequest(
            path=spec.path or "",
            overlay=_overlay(obj),
            substitution=substitution,
            artifact_digest=source.artifact.digest,
        )

    def _mark(self, obj: Kustomization, built: Built) -> None:
        own(built.objects, obj.name, obj.namespace)
        common = obj.spec.common_metadata
        if common is not None:
            decorate(built.objects, common.labels or {}, common.annotations or {})
        refuse_encrypted(built.objects)


def _overlay(obj: Kustomization) -> Overlay:
    spec = obj.spec
    return Overlay(
        target_namespace=spec.target_namespace or "",
        name_prefix=spec.name_prefix or "",
        name_suffix=spec.name_suffix or "",
        patches=tuple(patch.model_dump(by_alias=True, exclude_none=True) for patch in spec.patches or ()),
        images=tuple(
            ImageOverride(image.name, image.new_name or "", image.new_tag or "", image.digest or "")
            for image in spec.images or ()
        ),
        components=tuple(spec.components or ()),
        ignore_missing_components=bool(spec.ignore_missing_components),
        build_metadata=tuple(spec.build_metadata or ()),
    )
