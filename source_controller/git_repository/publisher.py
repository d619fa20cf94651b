"""The artifact of a GitRepository is made here."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event
from typing import Final, NamedTuple

from shared.api.meta import Artifact
from shared.api.source_v1 import GitRepository
from shared.artifact.archive import Entry, Sink, fingerprint, write_archive
from shared.artifact.extract import ArchiveRefused
from shared.artifact.ignoring import kept
from shared.git import Checkout, Selected
from shared.git.threads import run_in_thread
from shared.lang.bounded import remember
from shared.runtime.outcome import Failure
from source_controller.artifacts import FETCH_FAILED, STORAGE_FAILED, CommonReason, place_of, storing
from source_controller.git_repository.composing import Part, composed, opened
from source_controller.git_repository.conditions import Reason
from source_controller.git_repository.included import Included
from source_controller.git_repository.sparse import MissingDirectory, sparse
from source_controller.storage import Place, Storage

_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class _Target:
    """The artifact that is to be."""

    place: Place
    revision: str
    filename: str


class _Recipe(NamedTuple):
    """What decides on the content of an artifact, where nothing but the commit and the object does."""

    tree: str
    directories: tuple[str, ...]
    ignore: str


class Publisher:
    """Turns checkouts into artifacts."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        #: What an artifact was made of -> the last one, so that the same content need not be packed again.
        self._made: OrderedDict[str, Artifact] = OrderedDict()
        #: What decides on the content -> a name for it, so that the tree need not be walked again.
        self._contents: OrderedDict[_Recipe, str] = OrderedDict()

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
                raise Failure(CommonReason.ARCHIVE_FAILED, text, condition=STORAGE_FAILED) from error

    async def _publish(
        self,
        obj: GitRepository,
        current: Artifact | None,
        selected: Selected,
        checkout: Checkout,
        parts: Sequence[Part],
    ) -> Artifact:
        target = _Target(place_of(obj), selected.revision, f"{checkout.commit.hash}.tar.gz")
        recipe = _recipe(obj, checkout, parts)
        content = self._contents.get(recipe, "") if recipe else ""
        with storing():
            artifact = await self._again(target, current, content)
            if artifact is None:
                known = content
                entries, content = await asyncio.to_thread(_content, obj, checkout, parts)
                artifact = await self._again(target, current, content) if content != known else None
            if artifact is None:
                artifact = await self._pack(target, entries)
        remember(self._made, content, artifact, _REMEMBERED)
        if recipe:
            remember(self._contents, recipe, content, _REMEMBERED)
        return artifact

    async def _again(self, target: _Target, current: Artifact | None, content: str) -> Artifact | None:
        """An artifact with the file of the object's current one, or a copy of another object's; None if no
        file of this content is there.
        """
        twin = self._made.get(content)
        if twin is None:
            return None
        artifact = None
        name = {"revision": target.revision, "filename": target.filename}
        if current is not None and current.digest == twin.digest:
            artifact = await self._storage.reuse(target.place, current, **name)
        return artifact or await self._storage.copy(target.place, twin, **name)

    async def _pack(self, target: _Target, entries: Iterable[Entry]) -> Artifact:
        def write(sink: Sink) -> None:
            write_archive(entries, sink)

        return await self._storage.publish(
            target.place, revision=target.revision, filename=target.filename, write=write
        )


def _recipe(obj: GitRepository, checkout: Checkout, parts: Sequence[Part]) -> _Recipe | None:
    """None where more is put together than one tree."""
    if parts or obj.spec.recurse_submodules:
        return None
    return _Recipe(checkout.commit.tree, tuple(obj.spec.sparse_checkout or ()), obj.spec.ignore or "")


def _content(obj: GitRepository, checkout: Checkout, parts: Sequence[Part]) -> tuple[Iterable[Entry], str]:
    """What goes into the archive, and a name for it; walks the tree."""
    try:
        wanted = sparse(checkout.tree, obj.spec.sparse_checkout or ())
    except MissingDirectory as error:
        text = f"failed to sparse checkout directories : {error}"
        raise Failure(Reason.GIT_FAILED, text, condition=FETCH_FAILED) from error
    entries = kept(composed(wanted, parts), obj.spec.ignore)
    return entries, fingerprint(entries)
