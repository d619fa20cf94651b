"""Watches that waiters share, each open while somebody waits and for a moment after that.

There is one per cluster, identity, kind, namespace and selector. It stays for a moment because who rolls out
one release after the other would list the same objects for each of them. A feed keeps the last seen object of
each key while it is open, so that whoever joins later misses nothing: what they applied is compared, by
resource version, with what the feed has seen. Nothing is polled, except where a tenant may read but not
watch; then the keys that somebody waits for are read every few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Final, NamedTuple, Self

from shared.kube.client import KubeClient
from shared.kube.discovery import Discovery
from shared.kube.errors import ApiError, Forbidden, Gone, KubeError, NotFound
from shared.kube.resources import ObjectKey, Resource
from shared.lang.json import JsonObject
from shared.ssa.identity import GroupKind
from shared.ssa.stream import Happening, observe

Callback = Callable[[], None]

ANY: Final = ObjectKey("", "")
"""Listens to every object of a feed."""


class FeedKey(NamedTuple):
    """What a feed is about; the discovery stands for the cluster."""

    cluster: Discovery
    identity: str
    kind: GroupKind
    namespace: str
    selector: str


@dataclass(frozen=True, slots=True)
class Pace:
    """Pauses of a feed that can't watch, and of one that tries again; how long one stays that nobody uses."""

    linger: timedelta = timedelta(seconds=10)
    poll: timedelta = timedelta(seconds=5)
    retry: timedelta = timedelta(seconds=1)
    retry_at_most: timedelta = timedelta(seconds=15)


class Feed:
    """The live objects of one kind in one namespace, as far as they were seen since the feed is open."""

    def __init__(self, client: KubeClient, key: FeedKey, pace: Pace) -> None:
        self.objects: dict[ObjectKey, JsonObject] = {}
        self.synced = False
        self.problem = ""
        self.crash: BaseException | None = None
        self._client = client
        self._key = key
        self._pace = pace
        self._version = 0
        self._heard = 0
        self._polling = False
        self._absent: set[ObjectKey] = set()
        self._seen: set[ObjectKey] = set()
        self._listeners: dict[ObjectKey, set[Callback]] = {}

    @property
    def sound(self) -> bool:
        """Whether the feed hears of every change, so that it may serve those who come later."""
        return self.crash is None and not self.problem and not self._polling

    def newest(self, key: ObjectKey, known: JsonObject | None = None) -> JsonObject | None:
        """The newer of what was seen and what the caller knows; None when the object is not there (any more).

        Without anything seen or known the answer is None too; `lacks` tells whether that means anything.
        """
        seen = self.objects.get(key)
        if known is None:
            return seen
        version = version_of(known)
        if seen is not None:
            return known if version > version_of(seen) else seen
        return None if self.lacks(key, version) else known

    def lacks(self, key: ObjectKey, version: int = 0) -> bool:
        """Whether the object is known not to be there, as of a resource version."""
        if self._polling:
            return key in self._absent
        return key not in self.objects and self.synced and self._version >= version

    @contextmanager
    def listening(self, key: ObjectKey, callback: Callback) -> Iterator[None]:
        """Calls back on each change of the object, and on each change of the feed's own state."""
        self._listeners.setdefault(key, set()).add(callback)
        try:
            yield
        finally:
            callbacks = self._listeners[key]
            callbacks.discard(callback)
            if not callbacks:
                del self._listeners[key]
                self._absent.discard(key)  # nobody reads it any more

    async def run(self) -> None:
        """Follows the cluster until it is cancelled; a programming error is handed to those who wait."""
        pause = self._pace.retry
        while True:
            heard = self._heard
            try:
                resource = await self._resource()
                try:
                    await self._follow(resource)
                except Gone:
                    pass  # the next stream tells everything anew
                except Forbidden:
                    await self._poll(resource)
            except KubeError as error:
                self._troubled(str(error))
            except Exception as error:  # noqa: BLE001 - those who wait raise it in their own turn
                self.crash = error
                self._tell_all()
                return
            # A server that ends watches at once must not be asked without pause.
            if self._heard > heard:
                pause = self._pace.retry
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, self._pace.retry_at_most)

    async def _resource(self) -> Resource:
        return await self._client.discovery.find(self._key.kind.group, self._key.kind.kind)

    async def _follow(self, resource: Resource) -> None:
        self._seen.clear()
        stream = observe(
            self._client, resource, self._key.namespace or None, label_selector=self._key.selector
        )
        async with stream as happenings:
            async for happening in happenings:
                self._take(happening)

    def _take(self, happening: Happening) -> None:
        obj = happening.object
        self._heard += 1
        self._version = max(self._version, version_of(obj))
        if happening.is_sync:
            for key in self.objects.keys() - self._seen:
                del self.objects[key]
            self.problem = ""
            self.synced = True
            self._tell_all()
        elif not happening.is_bookmark:
            key = key_of(obj)
            if happening.is_deletion:
                self.objects.pop(key, None)
                self._seen.discard(key)
            else:
                if key not in self._listeners:
                    # Large, and of use only to those who want to know whether anybody wrote their object.
                    obj["metadata"].pop("managedFields", None)
                self.objects[key] = obj
                self._seen.add(key)
            self._tell(key)

    async def _poll(self, resource: Resource) -> None:
        """Reads what is waited for, again and again, because watching is not allowed."""
        self._polling = True
        while True:
            for key in [key for key in self._listeners if key != ANY]:
                await self._read(resource, key)
            await asyncio.sleep(self._pace.poll.total_seconds())

    async def _read(self, resource: Resource, key: ObjectKey) -> None:
        try:
            obj = await self._client.get(resource, key.namespace or None, key.name)
        except NotFound:
            self.objects.pop(key, None)
            self._absent.add(key)
            self.problem = ""
        except ApiError as error:
            self.problem = str(error)
        else:
            self.objects[key] = obj
            self._absent.discard(key)
            self.problem = ""
        self._tell(key)

    def _troubled(self, problem: str) -> None:
        self.problem = problem
        self._tell_all()

    def _tell(self, key: ObjectKey) -> None:
        for callback in (*self._listeners.get(key, ()), *self._listeners.get(ANY, ())):
            callback()

    def _tell_all(self) -> None:
        for callbacks in list(self._listeners.values()):
            for callback in tuple(callbacks):
                callback()


@dataclass(slots=True)
class _Open:
    feed: Feed
    task: asyncio.Task[None]
    users: int = 0
    end: asyncio.TimerHandle | None = None
    """When nobody uses it any more: what closes it."""


@dataclass(slots=True)
class SharedWatches:
    """All feeds of the process; entered once, by whoever builds the application."""

    pace: Pace = field(default_factory=Pace)
    _feeds: dict[FeedKey, _Open] = field(default_factory=dict)
    _group: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        group, self._group = self._group, None
        for key, opened in tuple(self._feeds.items()):
            self._close(key, opened)
        if group is not None:
            # Feeds never fail, so the group ends well; an error of the body goes on as it is.
            await group.__aexit__(None, None, None)

    def __len__(self) -> int:
        """How many feeds are open."""
        return len(self._feeds)

    @contextmanager
    def feed(
        self, client: KubeClient, kind: GroupKind, namespace: str = "", selector: str = ""
    ) -> Iterator[Feed]:
        """The feed for these objects, opened by the first who wants it, closed a moment after the last."""
        if self._group is None:
            raise RuntimeError("SharedWatches must be entered before a feed is opened")
        key = FeedKey(client.discovery, client.identity, kind, namespace, selector)
        opened = self._feeds.get(key)
        if opened is not None and not opened.users and not opened.feed.sound:
            self._close(key, opened)
            opened = None
        if opened is None:
            feed = Feed(client, key, self.pace)
            name = f"watch {kind.kind} in {namespace or 'the cluster'}"
            opened = self._feeds[key] = _Open(feed, self._group.create_task(feed.run(), name=name))
        opened.users += 1
        if opened.end is not None:
            opened.end.cancel()
            opened.end = None
        try:
            yield opened.feed
        finally:
            opened.users -= 1
            if not opened.users and self._feeds.get(key) is opened:
                self._unused(key, opened)

    def _unused(self, key: FeedKey, opened: _Open) -> None:
        linger = self.pace.linger.total_seconds()
        if linger and opened.feed.sound:
            opened.end = asyncio.get_running_loop().call_later(linger, self._close, key, opened)
        else:
            self._close(key, opened)

    def _close(self, key: FeedKey, opened: _Open) -> None:
        if opened.end is not None:
            opened.end.cancel()
        if self._feeds.get(key) is opened:
            del self._feeds[key]
        opened.task.cancel()


def key_of(obj: JsonObject) -> ObjectKey:
    """Namespace and name."""
    metadata = obj["metadata"]
    return ObjectKey(metadata.get("namespace") or "", metadata["name"])


def version_of(obj: JsonObject) -> int:
    """The resource version as a number; 0 for servers that use something else, so that what was seen wins."""
    text = str((obj.get("metadata") or {}).get("resourceVersion") or "")
    return int(text) if text.isdecimal() else 0
