"""Keeping an eye on a set of objects of any kinds: the common half of waiting for health and for deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from shared.kube.client import KubeClient
from shared.kube.errors import NoMatch
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject
from shared.ssa.identity import GroupKind, ObjectId
from shared.ssa.watches import ANY, Feed, SharedWatches
from shared.status.kstatus import Companions


class Vigil:
    """Opens feeds for objects, and tells which of the objects may have changed; leaving closes everything."""

    def __init__(self, watches: SharedWatches, client: KubeClient) -> None:
        self._watches = watches
        self._client = client
        self._stack = ExitStack()
        self._feeds: dict[ObjectId, tuple[Feed, ObjectKey]] = {}
        self._companions: dict[ObjectId, Feed] = {}
        self._changed: set[ObjectId] = set()
        self._wake = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    async def over(self, ids: Iterable[ObjectId]) -> None:
        """Begins to watch the objects."""
        for identity in ids:
            namespace = await self._namespace(identity)
            feed = self._stack.enter_context(self._watches.feed(self._client, identity.group_kind, namespace))
            key = ObjectKey(namespace, identity.name)
            self._feeds[identity] = (feed, key)
            self._stack.enter_context(feed.listening(key, partial(self._touch, identity)))
            self._touch(identity)  # a feed that others opened may know already

    def feed_of(self, identity: ObjectId) -> Feed:
        """The feed that tells about an object."""
        return self._feeds[identity][0]

    def newest(self, identity: ObjectId, known: JsonObject | None = None) -> JsonObject | None:
        """The newest state of an object, see `Feed.newest`."""
        feed, key = self._feeds[identity]
        return feed.newest(key, known)

    def lacks(self, identity: ObjectId) -> bool:
        """Whether an object is known not to be there."""
        feed, key = self._feeds[identity]
        return feed.lacks(key)

    def companions_of(self, identity: ObjectId, chosen: Companions) -> list[JsonObject] | None:
        """Objects behind an object, None until they are known; the first question begins to watch them."""
        feed = self._companions.get(identity)
        if feed is None:
            kind = GroupKind(chosen.group, chosen.kind)
            feed = self._stack.enter_context(
                self._watches.feed(self._client, kind, identity.namespace, chosen.selector)
            )
            self._stack.enter_context(feed.listening(ANY, partial(self._touch, identity)))
            self._companions[identity] = feed
        return list(feed.objects.values()) if feed.synced else None

    async def changed(self, *, at_most: float | None = None) -> set[ObjectId]:
        """Waits until something may have changed, and says what; an empty set when the time is over."""
        try:
            async with asyncio.timeout(at_most):
                await self._wake.wait()
        except TimeoutError:
            return set()
        self._wake.clear()
        changed, self._changed = self._changed, set()
        for identity in changed:
            crash = self._feeds[identity][0].crash
            if crash is not None:
                raise crash
        return changed

    def _touch(self, identity: ObjectId) -> None:
        self._changed.add(identity)
        self._wake.set()

    async def _namespace(self, identity: ObjectId) -> str:
        try:
            resource = await self._client.discovery.find(identity.group, identity.kind)
        except NoMatch:
            return identity.namespace
        if not resource.namespaced:
            return ""
        if not identity.namespace:
            raise ValueError(f"{identity.display} is namespaced, but no namespace is given")
        return identity.namespace
