"""Objects of one namespace of a real cluster, as a test creates, edits, reads and awaits them.

Nothing is polled: what a test waits for is watched, and a wait that fails tells what the object was last.
Kinds are named as kubectl names them: `ConfigMap`, `Deployment.apps`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any, Final

import pytest

from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NotFound, is_outage
from shared.kube.resources import Resource
from shared.kube.watch import WatchEvent
from shared.lang.json import JsonObject
from shared.testing.patience import PATIENCE

_PAUSE: Final = 0.2
_NOTHING: Final[JsonObject] = {"status": "", "reason": "", "message": ""}
_MADE_BY_KUBERNETES: Final = frozenset({"kube-root-ca.crt"})


async def watched(
    client: KubeClient, resource: Resource, namespace: str | None, **options: Any
) -> AsyncGenerator[WatchEvent, None]:
    """What a watch tells; one that can't be opened, as the server only starts, is tried again."""
    while True:
        told = False
        try:
            async with aclosing(client.watch(resource, namespace, **options)) as events:
                async for event in events:
                    told = True
                    yield event
            return
        except KubeError as error:
            if told or not is_outage(error):
                raise
        await asyncio.sleep(_PAUSE)


class Objects:
    """The objects of a namespace, and those that belong to none."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    async def create(self, obj: JsonObject, manager: str = "test") -> JsonObject:
        """Creates an object, in this namespace if it needs one."""
        resource, placed = await self._placed(obj)
        return await self.client.create(resource, placed, manager=manager)

    async def apply(self, obj: JsonObject, manager: str) -> JsonObject:
        """Applies an object server-side as somebody else."""
        resource, placed = await self._placed(obj)
        return await self.client.apply(resource, placed, manager=manager)

    async def edit(
        self, kind: str, name: str, patch: JsonObject, manager: str = "test", subresource: str = ""
    ) -> JsonObject:
        """Merge-patches an object as somebody else."""
        resource = await self.resource(kind)
        return await self.client.merge_patch(
            resource, self._place(resource), name, patch, manager=manager, subresource=subresource
        )

    async def delete(self, kind: str, name: str) -> None:
        """Deletes an object."""
        resource = await self.resource(kind)
        await self.client.delete(resource, self._place(resource), name)

    async def live(self, kind: str, name: str) -> JsonObject | None:
        """The object as it is, or None."""
        resource = await self.resource(kind)
        try:
            return await self.client.get(resource, self._place(resource), name)
        except NotFound:
            return None

    async def names(self, kind: str = "ConfigMap") -> list[str]:
        """Names of the objects of a kind in the namespace, but for those that Kubernetes makes itself."""
        found = await self.client.list(await self.resource(kind), self.namespace)
        return sorted({obj["metadata"]["name"] for obj in found["items"]} - _MADE_BY_KUBERNETES)

    async def until(
        self, kind: str, name: str, met: Callable[[JsonObject | None], object], seconds: float = PATIENCE
    ) -> JsonObject | None:
        """Watches an object until `met` holds of it; an object that is not there is None."""
        last: JsonObject | None = None

        def accepts(event: WatchEvent) -> bool:
            nonlocal last
            if event.type == "BOOKMARK":
                return last is None and bool(met(None))
            last = None if event.type == "DELETED" else event.object
            return bool(met(last))

        if await self._watch(kind, f"metadata.name={name}", accepts, seconds):
            return last
        raise self.in_vain(f"{kind}/{name} did not come to it, status: {(last or {}).get('status')}")

    async def gone(self, kind: str, name: str, seconds: float = PATIENCE) -> None:
        """Waits until an object is not there."""
        await self.until(kind, name, lambda obj: obj is None, seconds)

    async def versions(
        self, kind: str, since: JsonObject, last: Callable[[JsonObject], object]
    ) -> list[JsonObject]:
        """All versions of an object after that one, up to the one of which `last` holds."""
        found: list[JsonObject] = []
        metadata = since["metadata"]

        def accepts(event: WatchEvent) -> bool:
            if event.type == "BOOKMARK":
                return False
            found.append(event.object)
            return bool(last(event.object))

        since_then = metadata["resourceVersion"]
        if await self._watch(kind, f"metadata.name={metadata['name']}", accepts, since=since_then):
            return found
        raise self.in_vain(f"{kind}/{metadata['name']} did not come to it in {len(found)} versions")

    async def event(self, text: str, about: str) -> JsonObject:
        """Waits for an Event about an object of that name whose message contains the text."""
        seen: list[str] = []
        found: JsonObject = {}

        def accepts(event: WatchEvent) -> bool:
            nonlocal found
            found = event.object
            seen.append(found.get("message") or "")
            return event.type in ("ADDED", "MODIFIED") and text in seen[-1]

        if await self._watch("Event", f"involvedObject.name={about}", accepts):
            return found
        raise self.in_vain(f"no event with {text!r}, but {seen}")

    async def events(self, about: str) -> list[str]:
        """Messages of all Events about objects of that name."""
        found = await self.client.list(
            await self.resource("Event"), self.namespace, field_selector=f"involvedObject.name={about}"
        )
        return sorted(obj["message"] for obj in found["items"])

    @staticmethod
    def condition(obj: JsonObject | None, type_: str) -> JsonObject:
        """A condition of an object; empty when it is absent."""
        conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
        found = [condition for condition in conditions if condition["type"] == type_]
        return found[0] if found else _NOTHING

    @staticmethod
    def managers(obj: JsonObject) -> set[str]:
        """Who owns fields of the object."""
        return {entry["manager"] for entry in obj["metadata"]["managedFields"]}

    async def resource(self, kind: str) -> Resource:
        """What the server calls a kind."""
        name, _, group = kind.partition(".")
        return await self.client.discovery.find(group, name)

    def in_vain(self, why: str) -> BaseException:
        """What ends a test that waited for nothing."""
        return pytest.fail.Exception(why, pytrace=False)

    async def _watch(
        self,
        kind: str,
        field_selector: str,
        accepts: Callable[[WatchEvent], bool],
        seconds: float = PATIENCE,
        since: str = "",
    ) -> bool:
        """Reads events until one is accepted; whether that happened in time."""
        resource = await self.resource(kind)
        stream = watched(
            self.client,
            resource,
            self._place(resource),
            field_selector=field_selector,
            resource_version=since,
            initial=not since,
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), aclosing(stream) as events:
                async for event in events:
                    if accepts(event):
                        return True
        return False

    async def _placed(self, obj: JsonObject) -> tuple[Resource, JsonObject]:
        group = obj["apiVersion"].rpartition("/")[0]
        resource = await self.client.discovery.find(group, obj["kind"])
        if not resource.namespaced:
            return resource, obj
        return resource, obj | {"metadata": {"namespace": self.namespace} | obj["metadata"]}

    def _place(self, resource: Resource) -> str | None:
        return self.namespace if resource.namespaced else None
