"""The story of a HelmRepository: storage -> login -> index -> JSON -> artifact."""

from __future__ import annotations

from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import HelmRepository
from shared.api.source_v1.helm import DEFAULT_INTERVAL
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject, mapping
from shared.runtime.outcome import Done, Gone, Outcome
from shared.runtime.turn import Turn
from source_controller.artifacts import (
    FETCH_FAILED,
    Before,
    CommonReason,
    Shelf,
    building,
    in_storage,
    outdated,
    place_of,
    stalled,
    storing,
    tell,
    unchanged,
)
from source_controller.helm_repository.access import HelmClients
from source_controller.helm_repository.client import HelmHttp, InvalidUrl, without_login
from source_controller.helm_repository.conditions import FAILURES, OWNED, human_size, stored
from source_controller.helm_repository.fetching import Indexes
from source_controller.storage import Place, Storage

OCI: Final = "oci"


class HelmRepositoryReconciler:
    """Keeps an artifact of the index of a HelmRepository."""

    kind = HelmRepository
    owned = OWNED

    def __init__(self, clients: HelmClients, shelf: Shelf, indexes: Indexes) -> None:
        self._clients = clients
        self._shelf = shelf
        self._indexes = indexes

    async def reconcile(self, obj: HelmRepository, turn: Turn[HelmRepository]) -> Outcome:
        """One pass; see the module."""
        turn.progress("reconciliation in progress")
        before = Before.of(turn, FAILURES)
        current = await self._shelf.current(obj, turn)
        try:
            http = await self._clients.open(obj)
        except InvalidUrl as error:
            return stalled(turn, CommonReason.URL_INVALID, f"invalid Helm repository URL: {error}")
        if http.access.legacy_tls:
            turn.log.info(
                "warning: specifying TLS authentication data via `.spec.secretRef` is deprecated, "
                "please use `.spec.certSecretRef` instead"
            )
        artifact = await self._stored(obj, http, current, turn)
        tell(artifact, before, _news(obj, artifact), turn)
        return _ready(obj, artifact, turn)

    async def finalize(self, obj: HelmRepository, turn: Turn[HelmRepository]) -> Outcome:
        """Removes what is stored of a deleted HelmRepository."""
        await self._shelf.remove(obj, turn)
        self._indexes.forget(place_of(obj))
        return Gone()

    async def _stored(
        self, obj: HelmRepository, http: HelmHttp, current: Artifact | None, turn: Turn[HelmRepository]
    ) -> Artifact:
        """The artifact of the index as it is now."""
        async with self._indexes.fetched(obj, http, current) as fetched:
            if fetched is None and current is not None:
                turn.revision = current.revision
                unchanged(current, turn)
                return current
            assert fetched is not None  # noqa: S101 - without an artifact nothing can be up to date
            index = await self._indexes.indexed(fetched)
            turn.revision = fetched.revision
            turn.draft.conditions.remove(FETCH_FAILED)
            text = f"new index revision '{fetched.revision}'"
            if current is not None:
                outdated(turn, text)
            else:
                building(turn, text)
            artifact = await self._indexes.publish(obj, http, fetched, index)
        await self._shelf.show(obj, artifact, turn)
        return artifact


class Registries:
    """HelmRepositories that only say where a registry is: nothing is done for them but to be read."""

    def __init__(self, storage: Storage, indexes: Indexes) -> None:
        self._storage = storage
        self._indexes = indexes

    def rests(self, raw: JsonObject) -> bool:
        """Whether the object is one of them."""
        return mapping(raw.get("spec")).get("type") == OCI

    async def retire(self, key: ObjectKey, raw: JsonObject) -> None:
        """Removes the artifacts of an object that had an index once."""
        del raw
        place = Place(HelmRepository.KIND, key.namespace, key.name)
        self._indexes.forget(place)
        with storing():
            await self._storage.remove_all(place)


def _news(obj: HelmRepository, artifact: Artifact) -> str:
    size = f"size {human_size(artifact.size)}" if artifact.size is not None else "unknown size"
    return f"stored fetched index of {size} from '{without_login(obj.spec.url)}'"


def _ready(obj: HelmRepository, artifact: Artifact, turn: Turn[HelmRepository]) -> Done:
    return in_storage(turn, FAILURES, stored(artifact.revision), obj.spec.interval or DEFAULT_INTERVAL)
