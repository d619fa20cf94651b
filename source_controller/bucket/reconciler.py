"""The story of a Bucket: storage -> login -> bucket -> index -> objects -> artifact."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import Bucket
from shared.artifact.ignoring import IGNORE_FILE
from shared.runtime.outcome import Done, Gone, Outcome, Stalled
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
    tell,
    unchanged,
)
from source_controller.bucket.access import BucketAccesses, InvalidSts
from source_controller.bucket.conditions import FAILURES, OWNED, Reason, failed, shown, stored
from source_controller.bucket.content import BucketContents, Listed
from source_controller.bucket.index import Index, Selection
from source_controller.bucket.store import ExtraMissing, ObjectGone, ObjectStore, StoreError, limited
from source_controller.bucket.stores import Access, Stores
from source_controller.bucket.sts import InvalidEndpoint
from source_controller.identities import GateClosed
from source_controller.secrets import refused

_LARGEST_IGNORE_FILE: Final = 1 << 20


class BucketReconciler:
    """Keeps an artifact of what is in a bucket."""

    kind = Bucket
    owned = OWNED

    def __init__(
        self,
        accesses: BucketAccesses,
        stores: Stores,
        shelf: Shelf,
        contents: BucketContents,
    ) -> None:
        self._accesses = accesses
        self._stores = stores
        self._shelf = shelf
        self._contents = contents

    async def reconcile(self, obj: Bucket, turn: Turn[Bucket]) -> Outcome:
        """One pass; see the module."""
        turn.progress("reconciliation in progress")
        before = Before.of(turn, FAILURES)
        current = await self._shelf.current(obj, turn)
        try:
            access = await self._accesses.open(obj)
        except GateClosed as closed:
            return stalled(turn, CommonReason.GATE_DISABLED, str(closed))
        except InvalidSts as error:
            return stalled(turn, Reason.INVALID_STS, str(error))
        except InvalidEndpoint as error:
            endpoint = obj.spec.sts.endpoint if obj.spec.sts else ""
            text = f"failed to parse STS endpoint '{shown(endpoint)}': {error}"
            return stalled(turn, CommonReason.URL_INVALID, text)
        try:
            return await self._kept(obj, access, current, before, turn)
        except ExtraMissing:
            text = f"spec.provider: {obj.spec.provider} needs the extra '{obj.spec.provider}' of the package"
            return Stalled(CommonReason.UNSUPPORTED, text)
        except StoreError as error:
            raise refused(shown(str(error))) from error

    async def finalize(self, obj: Bucket, turn: Turn[Bucket]) -> Outcome:
        """Removes what is stored of a deleted Bucket."""
        await self._shelf.remove(obj, turn)
        self._contents.forget(place_of(obj))
        return Gone()

    async def _kept(
        self, obj: Bucket, access: Access, current: Artifact | None, before: Before, turn: Turn[Bucket]
    ) -> Done:
        """The artifact as it is if nothing has changed, else a new one."""
        async with AsyncExitStack() as stack:
            async with limited(obj.spec.timeout):
                store = await stack.enter_async_context(self._stores.open(access))
            listed = await _listed(obj, store)
            if current is not None and listed.index.is_in(current):
                turn.revision = current.revision
                unchanged(current, turn)
                tell(current, before, _news(obj, listed.index), turn)
                return _ready(obj, current, turn)
            artifact, index = await self._fetched(obj, store, listed, current, turn)
        tell(artifact, before, _news(obj, index), turn)
        return _ready(obj, artifact, turn)

    async def _fetched(
        self, obj: Bucket, store: ObjectStore, listed: Listed, current: Artifact | None, turn: Turn[Bucket]
    ) -> tuple[Artifact, Index]:
        """The artifact of the objects as they are now, which may be others than were listed."""
        async with self._contents.fetched(obj, store, listed, current, turn) as fetched:
            turn.revision = fetched.revision
            turn.draft.conditions.remove(FETCH_FAILED)
            text = f"new upstream revision '{fetched.revision}'"
            if current is not None:
                outdated(turn, text)
            else:
                building(turn, text)
            artifact = await self._contents.publish(obj, fetched)
        await self._shelf.show(obj, artifact, turn)
        turn.draft["observedIgnore"] = obj.spec.ignore
        return artifact, fetched.index


async def _listed(obj: Bucket, store: ObjectStore) -> Listed:
    """What is in the bucket, by three kinds of requests."""
    bucket, what = obj.spec.bucket_name, ""
    try:
        async with limited(obj.spec.timeout):
            what = f"failed to confirm existence of '{bucket}' bucket"
            if not await store.exists():
                raise failed(f"bucket '{bucket}' not found")
            what = f"failed to get Etag for '{IGNORE_FILE}' object"
            ignore_file = await _ignore_file(store)
            what = f"indexation of objects from bucket '{bucket}' failed"
            index, selected = Index(), Selection.of(ignore_file, obj.spec.ignore)
            async for page in store.listing(obj.spec.prefix or ""):
                index.etags.update((key, etag) for key, etag in page.items() if selected(key))
    except StoreError as error:
        raise failed(f"{what}: {error}") from error
    return Listed(index, ignore_file)


async def _ignore_file(store: ObjectStore) -> bytes | None:
    try:
        return await store.read(IGNORE_FILE, _LARGEST_IGNORE_FILE)
    except ObjectGone:
        return None


def _news(obj: Bucket, index: Index) -> str:
    return f"stored artifact with {len(index)} fetched files from '{obj.spec.bucket_name}' bucket"


def _ready(obj: Bucket, artifact: Artifact, turn: Turn[Bucket]) -> Done:
    return in_storage(turn, FAILURES, stored(artifact.revision), obj.spec.interval)
