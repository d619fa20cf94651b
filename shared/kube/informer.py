"""Keeps a `Store` equal to the API server by list and watch, and tells subscribers what changed.

Invariants: every object that exists is in the store once `synced` is set; a broken watch resumes where it
stopped, an expired one lists again and reports what was missed; nothing an object contains can stop the
informer, because objects are only digested here, by a function that must not raise.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Final, Generic, TypeVar

import structlog

from shared.kube.client import KubeClient
from shared.kube.errors import ApiError, Gone, KubeError, NoMatch, NotFound
from shared.kube.resources import ObjectKey, Resource
from shared.kube.store import Change, Store
from shared.kube.watch import WatchEvent
from shared.lang.json import JsonObject

H = TypeVar("H")
Handler = Callable[[Change[H]], None]

_BACKOFF_MIN: Final = 0.2
_BACKOFF_MAX: Final = 30.0
_ABSENT_SECONDS: Final = 60.0
_DOUBT_SECONDS: Final = 3.0


class Informer(Generic[H]):
    """List-watch of one kind, in one namespace or all, filtered by labels on demand.

    With `optional`, a kind that the server doesn't serve counts as synced and empty, and is looked for
    again later.
    """

    def __init__(
        self,
        client: KubeClient,
        group: str,
        kind: str,
        digest: Callable[[JsonObject], H],
        *,
        version: str = "",
        namespace: str | None = None,
        label_selector: str = "",
        metadata_only: bool = False,
        optional: bool = False,
    ) -> None:
        self.group = group
        self.kind = kind
        self.store: Store[H] = Store(digest)
        self.synced = asyncio.Event()
        self._client = client
        self._version = version
        self._namespace = namespace
        self._labels = label_selector
        self._metadata_only = metadata_only
        self._optional = optional
        self._handlers: list[Handler[H]] = []
        self._log = structlog.get_logger("informer").bind(kind=kind)

    def subscribe(self, handler: Handler[H]) -> None:
        """Calls the handler for every change from now on; subscribe before `run`."""
        self._handlers.append(handler)

    def absorb(self, obj: JsonObject) -> None:
        """Takes in what a write of our own returned, so that the next turn reads its own writes.

        Subscribers hear of it as of any change; the watch's echo of the same version is then silent.
        """
        self._tell(self.store.put(obj))

    def covers(self, namespace: str) -> bool:
        """Whether the store has all objects of a namespace, whatever their labels."""
        return not self._labels and self._namespace in (None, namespace)

    async def read(self, key: ObjectKey) -> tuple[H, JsonObject]:
        """The header and all of an object from the API server, for those that the store leaves out.

        Raises:
            KubeError: it isn't there, or the server doesn't give it.
        """
        resource = await self._client.discovery.find(self.group, self.kind, self._version)
        obj = await self._client.get(resource, key.namespace or None, key.name)
        return self.store.digest(obj), obj

    async def run(self) -> None:
        """Lists and watches until cancelled."""
        backoff = absent = _BACKOFF_MIN
        version = ""
        while True:
            try:
                resource = await self._client.discovery.find(self.group, self.kind, self._version)
                if not version:
                    version = await self._list(resource)
                    self.synced.set()
                    absent = _BACKOFF_MIN
                quiet = True
                async for seen in self._watch(resource, version):
                    version, quiet = seen, False
                    backoff = _BACKOFF_MIN
                if quiet:
                    # A server that ends watches at once must not be asked without pause.
                    backoff = await _pause(backoff)
            except Gone:
                version = ""
                backoff = await _pause(backoff)
            except (NoMatch, NotFound) as error:
                version = ""
                # An API server that has just started serves no custom kinds yet: the known is kept a little.
                if absent > _DOUBT_SECONDS or not self.store:
                    self._absent(error)
                await asyncio.sleep(absent)
                absent = min(absent * 2, _ABSENT_SECONDS if self._optional else _BACKOFF_MAX)
            except (KubeError, ValueError) as error:
                self._log.info("watch interrupted, going on", error=str(error), wait=round(backoff, 1))
                if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
                    version = ""
                backoff = await _pause(backoff)

    def _absent(self, error: KubeError) -> None:
        for key in self.store:
            self._tell(self.store.drop(key))
        if self._optional:
            self.synced.set()
        else:
            self._log.error("kind is not served, is its CRD installed?", error=str(error))

    async def _list(self, resource: Resource) -> str:
        first = not self.synced.is_set()
        page = await self._client.list(
            resource,
            self._namespace,
            label_selector=self._labels,
            metadata_only=self._metadata_only,
        )
        seen: set[ObjectKey] = set()
        for obj in page["items"]:
            # Items of a list do not carry their own type.
            obj.setdefault("apiVersion", resource.api_version)
            obj.setdefault("kind", resource.kind)
            metadata = obj["metadata"]
            seen.add(ObjectKey(metadata.get("namespace") or "", metadata["name"]))
            self._tell(self.store.put(obj, initial=first))
        for key in self.store:
            if key not in seen:
                self._tell(self.store.drop(key))
        version: str = page["metadata"]["resourceVersion"]
        return version

    async def _watch(self, resource: Resource, version: str) -> AsyncIterator[str]:
        """Applies events; gives the resource version after each."""
        stream = self._client.watch(
            resource,
            self._namespace,
            resource_version=version,
            label_selector=self._labels,
            metadata_only=self._metadata_only,
        )
        async for event in stream:
            self._take(event)
            yield event.object["metadata"]["resourceVersion"]

    def _take(self, event: WatchEvent) -> None:
        metadata = event.object["metadata"]
        if event.type == "DELETED":
            key = ObjectKey(metadata.get("namespace") or "", metadata["name"])
            self._tell(self.store.drop(key, metadata.get("uid") or ""))
        elif event.type in {"ADDED", "MODIFIED"}:
            self._tell(self.store.put(event.object))

    def _tell(self, change: Change[H] | None) -> None:
        if change is not None:
            for handler in self._handlers:
                handler(change)


async def _pause(backoff: float) -> float:
    """Waits for about as long as told; gives how long to wait the next time."""
    await asyncio.sleep(backoff * random.uniform(0.5, 1.0))
    return min(backoff * 2, _BACKOFF_MAX)
