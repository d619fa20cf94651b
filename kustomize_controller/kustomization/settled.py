"""Remembers which objects were found in place, and sees by watch whether they still are.

After a successful pass each applied object is remembered with its resource version, together with what
was wanted of it. While a metadata-only watch shows that very version, nobody has touched the object, so a
pass that wants the same of it need not ask about it, whatever else changes. What can't be seen (no rights
to watch, watch not in sync, owner labels changed) counts as touched. Once in a while everything is looked
at all the same, because defaults and admission rules of the cluster may change without touching objects.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import Final, NamedTuple, Self

from kustomize_controller.kustomization.metadata import NAME_LABEL
from shared.kube.client import KubeClient
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject, dumps
from shared.observe.clock import Clock
from shared.ssa import Applied, GroupKind, ObjectId

_DIGEST: Final = 16


@dataclass(frozen=True)
class Wanted:
    """What a pass wants: the generation of the Kustomization, the objects, and one digest for all of them."""

    generation: int
    digest: str
    objects: Sequence[JsonObject]

    @cached_property
    def each(self) -> dict[ObjectId, bytes]:
        """A digest per object; under its name alone as well, as the objects of cluster-scoped kinds are
        known.
        """
        found: dict[ObjectId, bytes] = {}
        for obj in self.objects:
            identity = ObjectId.of(obj)
            digest = hashlib.blake2b(dumps(obj), digest_size=_DIGEST).digest()
            found[identity] = digest
            found.setdefault(identity._replace(namespace=""), digest)
        return found


class _Seen(NamedTuple):
    """What was wanted of an object, and the version that had it."""

    wanted: bytes
    version: str


@dataclass(frozen=True, slots=True)
class _Memory:
    """What one Kustomization left behind, and when all of it was last looked at."""

    generation: int
    digest: str
    objects: dict[ObjectId, _Seen]
    looked_at: float

    def same(self, wanted: Wanted) -> Iterable[ObjectId]:
        """The objects of which the same is wanted as then."""
        if self.generation != wanted.generation:
            return ()
        if self.digest == wanted.digest:
            return self.objects
        return [
            identity for identity, seen in self.objects.items() if wanted.each.get(identity) == seen.wanted
        ]


@dataclass(frozen=True, slots=True)
class _Watch:
    informer: Informer[str]
    task: asyncio.Task[None]


class Settled:
    """The memory of all Kustomizations; entered once, by whoever builds the application."""

    def __init__(self, client: KubeClient, clock: Clock, full_check: timedelta) -> None:
        self._client = client
        self._clock = clock
        self._full_check = full_check.total_seconds()
        self._memories: dict[ObjectKey, _Memory] = {}
        self._watches: dict[GroupKind, _Watch] = {}
        self._users: Counter[GroupKind] = Counter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = [watch.task for watch in self._watches.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def of(self, key: ObjectKey, wanted: Wanted) -> frozenset[ObjectId]:
        """The objects that need not be asked about."""
        memory = self._memories.get(key)
        if memory is None or self._clock.monotonic() - memory.looked_at > self._full_check:
            return frozenset()
        return frozenset(
            identity
            for identity in memory.same(wanted)
            if self._shows(identity, memory.objects[identity].version)
        )

    def remember(
        self, key: ObjectKey, wanted: Wanted, applied: Applied, settled: frozenset[ObjectId]
    ) -> None:
        """A pass succeeded: what it saw of each object, and what it knew before of the settled ones."""
        before = self._memories.get(key)
        objects = {
            identity: _Seen(wanted.each.get(identity, b""), _version(obj))
            for identity, obj in applied.objects.items()
        }
        looked_at = self._clock.monotonic()
        if before is not None and settled:
            objects |= {identity: before.objects[identity] for identity in settled}
            looked_at = before.looked_at
        self._use(identity.group_kind for identity in objects)
        self._release(before)
        self._memories[key] = _Memory(wanted.generation, wanted.digest, objects, looked_at)

    def forget(self, key: ObjectKey) -> None:
        """The Kustomization failed or is gone."""
        self._release(self._memories.pop(key, None))

    def _shows(self, identity: ObjectId, version: str) -> bool:
        watch = self._watches.get(identity.group_kind)
        if watch is None or not watch.informer.synced.is_set():
            return False
        return watch.informer.store.header(ObjectKey(identity.namespace, identity.name)) == version

    def _use(self, kinds: Iterable[GroupKind]) -> None:
        for kind in set(kinds):
            self._users[kind] += 1
            if kind not in self._watches:
                informer = Informer(
                    self._client,
                    kind.group,
                    kind.kind,
                    _version,
                    label_selector=NAME_LABEL,
                    metadata_only=True,
                    optional=True,
                )
                task = asyncio.create_task(informer.run(), name=f"settled {kind.kind}")
                self._watches[kind] = _Watch(informer, task)

    def _release(self, memory: _Memory | None) -> None:
        for kind in {identity.group_kind for identity in memory.objects} if memory else ():
            self._users[kind] -= 1
            if not self._users[kind]:
                del self._users[kind]
                self._watches.pop(kind).task.cancel()


def _version(obj: JsonObject) -> str:
    return str(obj["metadata"].get("resourceVersion") or "")
