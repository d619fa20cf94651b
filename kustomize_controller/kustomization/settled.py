"""Remembers which objects were found in place, and sees by watch whether they still are.

After a successful pass each applied object is remembered with its resource version. While a metadata-only
watch shows that very version, nobody has touched the object, so the next pass need not ask about it. What
can't be seen (no rights to watch, watch not in sync, owner labels changed) counts as touched. Once in a
while everything is looked at all the same, because defaults and admission rules of the cluster may change
without touching objects.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from kustomize_controller.kustomization.metadata import NAME_LABEL
from shared.kube.client import KubeClient
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject
from shared.observe.clock import Clock
from shared.ssa import Applied, GroupKind, ObjectId


@dataclass(frozen=True, slots=True)
class _Memory:
    """What one Kustomization left behind, and when all of it was last looked at."""

    token: str
    versions: dict[ObjectId, str]
    looked_at: float


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

    def of(self, key: ObjectKey, token: str) -> frozenset[ObjectId]:
        """The objects that need not be asked about; `token` names what is wanted, and must be the same as
        then.
        """
        memory = self._memories.get(key)
        if memory is None or memory.token != token:
            return frozenset()
        if self._clock.monotonic() - memory.looked_at > self._full_check:
            return frozenset()
        return frozenset(
            identity for identity, seen in memory.versions.items() if self._shows(identity, seen)
        )

    def remember(self, key: ObjectKey, token: str, applied: Applied, settled: frozenset[ObjectId]) -> None:
        """A pass succeeded: what it saw of each object, and what it knew before of the settled ones."""
        before = self._memories.get(key)
        versions = {identity: _version(obj) for identity, obj in applied.objects.items()}
        looked_at = self._clock.monotonic()
        if before is not None and settled:
            versions |= {identity: before.versions[identity] for identity in settled}
            looked_at = before.looked_at
        self._use(identity.group_kind for identity in versions)
        self._release(before)
        self._memories[key] = _Memory(token, versions, looked_at)

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
        for kind in {identity.group_kind for identity in memory.versions} if memory else ():
            self._users[kind] -= 1
            if not self._users[kind]:
                del self._users[kind]
                self._watches.pop(kind).task.cancel()


def _version(obj: JsonObject) -> str:
    return str(obj["metadata"].get("resourceVersion") or "")
