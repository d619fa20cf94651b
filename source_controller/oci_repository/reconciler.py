"""The story of an OCIRepository: storage -> login -> tag -> digest -> signature -> layer -> artifact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import OCIRepository
from shared.lang.digest import Digest
from shared.oci import (
    ContentRefused,
    InvalidRepository,
    Manifest,
    OciError,
    Registries,
    Registry,
    Repository,
)
from shared.runtime.outcome import Done, Failure, Gone, Outcome
from shared.runtime.turn import Turn
from source_controller.artifacts import (
    FETCH_FAILED,
    Before,
    CommonReason,
    Shelf,
    in_storage,
    outdated,
    stalled,
    tell,
    unchanged,
    wire,
)
from source_controller.identities import GateClosed
from source_controller.oci_repository.access import Accesses
from source_controller.oci_repository.conditions import FAILURES, OWNED, Reason, stored
from source_controller.oci_repository.content import Contents
from source_controller.oci_repository.selecting import InvalidReference, pinned, select_tag
from source_controller.oci_repository.verification import Verifier
from source_controller.signatures import Subject

_ORIGIN: Final = ("org.opencontainers.image.source", "org.opencontainers.image.revision")


class OCIRepositoryReconciler:
    """Keeps an artifact of what an OCIRepository points at."""

    kind = OCIRepository
    owned = OWNED

    def __init__(
        self,
        accesses: Accesses,
        registries: Registries,
        verifier: Verifier,
        shelf: Shelf,
        contents: Contents,
    ) -> None:
        self._accesses = accesses
        self._registries = registries
        self._verifier = verifier
        self._shelf = shelf
        self._contents = contents

    async def reconcile(self, obj: OCIRepository, turn: Turn[OCIRepository]) -> Outcome:
        """One pass; see the module."""
        turn.progress("reconciliation in progress")
        before = Before.of(turn, FAILURES)
        current = await self._shelf.current(obj, turn)
        self._verifier.forget_failure(turn)
        try:
            repository, digest = Repository.parse(obj.spec.url), pinned(obj)
        except InvalidRepository as error:
            text = f"URL validation failed for '{obj.spec.url}': {error}"
            return stalled(turn, CommonReason.URL_INVALID, text)
        except InvalidReference as error:
            raise _failure(Reason.PULL_FAILED, f"failed to determine artifact digest: {error}") from error
        try:
            access = await self._accesses.open(obj, repository)
        except GateClosed as closed:
            return stalled(turn, CommonReason.GATE_DISABLED, str(closed))
        registry = self._registries.registry(repository, access)
        try:
            tag, digest = await self._resolve(obj, registry, digest)
        except InvalidReference as error:
            text = f"failed to determine the artifact tag for '{obj.spec.url}': {error}"
            return stalled(turn, Reason.INVALID_SEMVER, text)
        revision = f"{tag}@{digest}" if tag else str(digest)
        turn.revision = revision
        _announce(repository, tag, digest, revision, current, turn)
        subject = Subject(registry, repository, digest, access, f"{repository}@{digest}")
        await self._verifier.verify(obj, subject, revision, current, turn)
        if current and current.revision == revision and not _configuration_changed(obj):
            unchanged(current, turn)
            tell(current, before, _news(obj, current), turn)
            return _ready(obj, current, turn)
        artifact = await self._pull(obj, registry, digest, revision)
        await self._shelf.show(obj, artifact, turn)
        selector = obj.spec.layer_selector
        turn.draft["observedIgnore"] = obj.spec.ignore
        turn.draft["observedLayerSelector"] = wire(selector) if selector else None
        tell(artifact, before, _news(obj, artifact), turn)
        return _ready(obj, artifact, turn)

    async def finalize(self, obj: OCIRepository, turn: Turn[OCIRepository]) -> Outcome:
        """Removes what is stored of a deleted OCIRepository."""
        await self._shelf.remove(obj, turn)
        return Gone()

    async def _resolve(
        self, obj: OCIRepository, registry: Registry, digest: Digest | None
    ) -> tuple[str, Digest]:
        """The tag, if tags matter, and the digest that it names now; from here on only that counts."""
        if digest is not None:
            return "", digest
        try:
            async with _limited(obj.spec.timeout):
                tag = await select_tag(obj, registry)
        except OciError as error:
            text = f"failed to determine the artifact tag for '{obj.spec.url}': {error}"
            raise _failure(Reason.READ_FAILED, text, error) from error
        try:
            async with _limited(obj.spec.timeout):
                return tag, await registry.digest(tag)
        except OciError as error:
            text = f"failed to determine artifact digest: {error}"
            raise _failure(Reason.PULL_FAILED, text, error) from error

    async def _pull(self, obj: OCIRepository, registry: Registry, digest: Digest, revision: str) -> Artifact:
        try:
            async with _limited(obj.spec.timeout):
                manifest = await _image(registry, digest)
                return await self._contents.publish(obj, registry, manifest, revision, f"{digest}.tar.gz")
        except OciError as error:
            text = f"failed to pull artifact from '{obj.spec.url}': {error}"
            raise _failure(Reason.PULL_FAILED, text, error) from error


async def _image(registry: Registry, digest: Digest) -> Manifest:
    """The manifest of the image itself, also where the digest is that of an index."""
    manifest = await registry.manifest(str(digest))
    if manifest.is_index:
        manifest = await registry.manifest(str(manifest.for_platform().digest))
    if manifest.is_index:
        raise ContentRefused("the image index names another index")
    return manifest


def _configuration_changed(obj: OCIRepository) -> bool:
    """Whether the same revision would give another artifact now; absent and empty ignore rules differ."""
    spec, status = obj.spec, obj.status
    return spec.ignore != status.observed_ignore or spec.layer_selector != status.observed_layer_selector


def _announce(
    repository: Repository,
    tag: str,
    digest: Digest,
    revision: str,
    current: Artifact | None,
    turn: Turn[OCIRepository],
) -> None:
    """Says that there is something new, where something old is being served."""
    if current is None or current.revision == revision:
        return
    text = f"new revision '{revision}' for '{repository}{f':{tag}' if tag else f'@{digest}'}'"
    outdated(turn, text)


def _news(obj: OCIRepository, artifact: Artifact) -> str:
    text = f"stored artifact with revision '{artifact.revision}' from '{obj.spec.url}'"
    source, revision = ((artifact.metadata or {}).get(name) for name in _ORIGIN)
    return f"{text}, origin source '{source}', origin revision '{revision}'" if source and revision else text


def _ready(obj: OCIRepository, artifact: Artifact, turn: Turn[OCIRepository]) -> Done:
    return in_storage(turn, FAILURES, stored(artifact.revision), obj.spec.interval)


def _failure(reason: str, message: str, error: OciError | None = None) -> Failure:
    wait = error.retry_after if error else None
    return Failure(reason, message, condition=FETCH_FAILED, retry_after=wait)


@asynccontextmanager
async def _limited(limit: timedelta) -> AsyncIterator[None]:
    """What takes longer has failed."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            yield
    except TimeoutError as error:
        raise OciError("context deadline exceeded") from error
