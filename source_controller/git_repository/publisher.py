"""The artifact of a GitRepository: whether the stored one is still good, and making a new one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from threading import Event
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import GitRepository
from shared.artifact.archive import Entry, Sink, fingerprint, write_archive
from shared.artifact.extract import ArchiveRefused
from shared.artifact.ignoring import kept
from shared.events import Severity
from shared.git import Checkout, Selected
from shared.git.threads import run_in_thread
from shared.runtime.outcome import Failure
from shared.runtime.turn import Turn
from source_controller.git_repository.composing import Part, composed, opened
from source_controller.git_repository.conditions import FETCH_FAILED, IN_STORAGE, STORAGE_FAILED, Reason
from source_controller.git_repository.included import Included, artifact_in
from source_controller.git_repository.sparse import MissingDirectory, sparse
from source_controller.storage import Place, Storage, StorageError

_BUILDING: Final = "building artifact"
_REMEMBERED: Final = 4096


class Publisher:
    """Turns checkouts into artifacts and keeps an eye on the stored one."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        #: What an artifact was made of -> the last one, so that the same content need not be packed again.
        self._made: OrderedDict[str, Artifact] = OrderedDict()

    async def current(self, obj: GitRepository, turn: Turn[GitRepository]) -> Artifact | None:
        """The stored artifact if it is there and whole, at the address of today; old files go.

        Without one the object is told to be building, and nothing is advertised any more.
        """
        place = _place(obj)
        conditions = turn.draft.conditions
        conditions.remove(STORAGE_FAILED)
        known = turn.draft["artifact"]
        artifact = artifact_in(turn.draft.fields)
        if artifact is not None:
            removed = await self._storage.collect_garbage(place, artifact)
            if removed:
                turn.event(Severity.TRACE, Reason.GARBAGE_COLLECTED, f"garbage collected {removed} artifacts")
            verdict = await self._storage.verify(place, artifact)
            if verdict.whole:
                turn.draft["artifact"] = {**known, "url": self._storage.url(artifact.path)}
                return artifact
            if verdict.why:
                text = f"failed to verify integrity of artifact: {verdict.why}"
                turn.event(Severity.ERROR, Reason.VERIFICATION_FAILED, text)
        turn.draft["artifact"] = None
        conditions.remove(IN_STORAGE)
        message = f"{_BUILDING}: disappeared from storage" if known else _BUILDING
        turn.progress(message, ready=message)
        return None

    async def publish(
        self,
        obj: GitRepository,
        current: Artifact | None,
        selected: Selected,
        checkout: Checkout,
        includes: Sequence[Included] = (),
    ) -> Artifact:
        """Archives a checkout with its includes; content that was packed before, for this object or another
        one, is not packed again.

        Raises:
            Failure: the storage refuses, or an include has no place.
            NotAvailable: the file of an include isn't there.

        """
        with ExitStack() as stack:

            def open_includes(stop: Event) -> tuple[Part, ...]:
                return stack.enter_context(opened(self._storage, obj.namespace, includes, stop))

            parts = await run_in_thread(None, open_includes) if includes else ()
            try:
                return await self._publish(obj, current, selected, checkout, parts)
            except ArchiveRefused as error:
                text = f"unable to archive artifact to storage: an included artifact: {error}"
                raise Failure(Reason.ARCHIVE_FAILED, text, condition=STORAGE_FAILED) from error

    async def _publish(
        self,
        obj: GitRepository,
        current: Artifact | None,
        selected: Selected,
        checkout: Checkout,
        parts: Sequence[Part],
    ) -> Artifact:
        place, revision, filename = _place(obj), selected.revision, f"{checkout.commit.hash}.tar.gz"
        entries, content = await asyncio.to_thread(_content, obj, checkout, parts)

        def write(sink: Sink) -> None:
            write_archive(entries, sink)

        try:
            artifact, twin = None, self._made.get(content)
            if twin is not None and current is not None and current.digest == twin.digest:
                artifact = await self._storage.reuse(place, current, revision=revision, filename=filename)
            if twin is not None and artifact is None:
                artifact = await self._storage.copy(place, twin, revision=revision, filename=filename)
            if artifact is None:
                artifact = await self._storage.publish(
                    place, revision=revision, filename=filename, write=write
                )
        except StorageError as error:
            raise Failure(error.reason, str(error), condition=STORAGE_FAILED) from error
        self._made[content] = artifact
        self._made.move_to_end(content)
        if len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)
        return artifact

    async def remove(self, obj: GitRepository, turn: Turn[GitRepository]) -> None:
        """Removes everything stored of an object.

        Raises:
            Failure: the storage refuses; the object has to wait for it.
        """
        try:
            removed = await self._storage.remove_all(_place(obj))
        except StorageError as error:
            raise Failure(error.reason, str(error), condition=STORAGE_FAILED) from error
        turn.draft["artifact"] = None
        if removed:
            text = "garbage collected artifacts for deleted resource"
            turn.event(Severity.TRACE, Reason.GARBAGE_COLLECTED, text)


def _content(obj: GitRepository, checkout: Checkout, parts: Sequence[Part]) -> tuple[Iterable[Entry], str]:
    """What goes into the archive, and a name for it; walks the tree."""
    try:
        wanted = sparse(checkout.tree, obj.spec.sparse_checkout or ())
    except MissingDirectory as error:
        text = f"failed to sparse checkout directories : {error}"
        raise Failure(Reason.GIT_FAILED, text, condition=FETCH_FAILED) from error
    entries = kept(composed(wanted, parts), obj.spec.ignore)
    return entries, fingerprint(entries)


def _place(obj: GitRepository) -> Place:
    return Place(obj.KIND, obj.namespace, obj.name)
