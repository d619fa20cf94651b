"""The stored artifact of an object: whether it is still good, where it is, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.api.decode import InvalidObject, decode
from shared.api.meta import Artifact, CustomResource
from shared.api.model import WireModel
from shared.events import Severity
from shared.lang.json import JsonObject, mapping
from shared.runtime.outcome import Failure
from shared.runtime.turn import Turn
from source_controller.artifacts.conditions import BUILDING, IN_STORAGE, STORAGE_FAILED, CommonReason
from source_controller.storage import Place, Storage, StorageError


@contextmanager
def storing() -> Iterator[None]:
    """What the storage refuses in the block makes the turn fail."""
    try:
        yield
    except StorageError as error:
        raise Failure(error.reason, str(error), condition=STORAGE_FAILED) from error


class Shelf:
    """Keeps an eye on the stored artifacts of one kind."""

    def __init__(self, storage: Storage, link: str = "") -> None:
        """`link` is the name under which the latest artifact of an object is served as well, if any."""
        self._storage = storage
        self._link = link

    async def current(self, obj: CustomResource, turn: Turn[Any]) -> Artifact | None:
        """The stored artifact if it is there and whole, at the address of today; old files go.

        Without one the object is told to be building, and nothing is advertised any more.
        """
        place = place_of(obj)
        conditions = turn.draft.conditions
        conditions.remove(STORAGE_FAILED)
        known = turn.draft["artifact"]
        artifact = artifact_in(turn.draft.fields)
        if artifact is not None:
            removed = await self._storage.collect_garbage(place, artifact)
            if removed:
                text = f"garbage collected {removed} artifacts"
                turn.event(Severity.TRACE, CommonReason.GARBAGE_COLLECTED, text)
            verdict = await self._storage.verify(place, artifact)
            if verdict.whole:
                artifact = artifact.model_copy(update={"url": self._storage.url(artifact.path)})
                turn.draft["artifact"] = {**known, "url": artifact.url}
                if turn.draft["url"]:
                    turn.draft["url"] = self._storage.url(f"{place.path}/{self._link}")
                return artifact
            if verdict.why:
                text = f"failed to verify integrity of artifact: {verdict.why}"
                turn.event(Severity.ERROR, CommonReason.VERIFICATION_FAILED, text)
        turn.draft["artifact"] = None
        if self._link:
            turn.draft["url"] = None
        conditions.remove(IN_STORAGE)
        message = f"{BUILDING}: disappeared from storage" if known else BUILDING
        turn.progress(message, ready=message)
        return None

    async def show(self, obj: CustomResource, artifact: Artifact, turn: Turn[Any]) -> None:
        """Advertises a new artifact, also under the name of the latest; trouble with that is only told."""
        turn.draft["artifact"] = wire(artifact)
        if not self._link:
            return
        place = place_of(obj)
        try:
            await self._storage.link(place, artifact, self._link)
        except StorageError as error:
            turn.event(Severity.TRACE, CommonReason.SYMLINK_FAILED, str(error))
        else:
            turn.draft["url"] = self._storage.url(f"{place.path}/{self._link}")

    async def remove(self, obj: CustomResource, turn: Turn[Any]) -> None:
        """Removes everything stored of an object.

        Raises:
            Failure: the storage refuses; the object has to wait for it.
        """
        with storing():
            removed = await self._storage.remove_all(place_of(obj))
        turn.draft["artifact"] = None
        if removed:
            text = "garbage collected artifacts for deleted resource"
            turn.event(Severity.TRACE, CommonReason.GARBAGE_COLLECTED, text)


def place_of(obj: CustomResource) -> Place:
    """Where the artifacts of an object lie."""
    return Place(obj.KIND, obj.namespace, obj.name)


def wire(model: WireModel) -> JsonObject:
    """A part of a status, as it is written."""
    found: JsonObject = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def artifact_in(status: object) -> Artifact | None:
    """The artifact in a status; one that somebody edited beyond recognition counts as missing."""
    known = mapping(status).get("artifact")
    if not isinstance(known, dict):
        return None
    try:
        return decode(Artifact, known)
    except InvalidObject:
        return None
