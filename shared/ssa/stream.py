"""Present objects and all changes after them, in one stream; one request where the server can do it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast

from shared.kube.client import KubeClient
from shared.kube.errors import Invalid
from shared.kube.resources import Resource
from shared.kube.watch import WatchEvent
from shared.lang.json import JsonObject

_INITIAL_END: Final = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Happening:
    """An object that is or becomes so, one that is deleted, or the mark that all present objects were
    told."""

    object: JsonObject
    is_deletion: bool = False
    is_bookmark: bool = False
    is_sync: bool = False


@asynccontextmanager
async def observe(
    client: KubeClient, resource: Resource, namespace: str | None, *, label_selector: str = ""
) -> AsyncIterator[AsyncGenerator[Happening, None]]:
    """A stream that ends when the server ends it, and that is closed on leaving."""
    stream = _observe(client, resource, namespace, label_selector)
    try:
        yield stream
    finally:
        await stream.aclose()


async def _observe(
    client: KubeClient, resource: Resource, namespace: str | None, selector: str
) -> AsyncGenerator[Happening, None]:
    try:
        async for happening in _told(
            client.watch(resource, namespace, label_selector=selector, initial=True)
        ):
            yield happening
    except Invalid:
        pass  # a server without streaming lists
    else:
        return
    present = await client.list(resource, namespace, label_selector=selector)
    for item in present["items"]:
        yield Happening({"apiVersion": resource.api_version, "kind": resource.kind} | item)
    mark = {"metadata": present["metadata"]}
    yield Happening(mark, is_bookmark=True, is_sync=True)
    version = present["metadata"]["resourceVersion"]
    changes = client.watch(resource, namespace, label_selector=selector, resource_version=version)
    async for happening in _told(changes):
        yield happening


async def _told(events: AsyncIterator[WatchEvent]) -> AsyncGenerator[Happening, None]:
    closing = cast("AsyncGenerator[WatchEvent, None]", events)
    try:
        async for event in closing:
            bookmark = event.type == "BOOKMARK"
            notes = event.object["metadata"].get("annotations") or {}
            yield Happening(
                event.object,
                is_deletion=event.type == "DELETED",
                is_bookmark=bookmark,
                is_sync=bookmark and notes.get(_INITIAL_END) == "true",
            )
    finally:
        await closing.aclose()
