"""A cache of objects that costs their JSON bytes and a small header each.

Decoded objects are five times as large as their bytes, and most of them are never looked at between two
changes. What predicates and indexes need at every event is kept decoded in the header; the rest is decoded
when its turn starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject, loads
from shared.lang.nesting import dumps_cut

H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Entry(Generic[H]):
    """One cached object."""

    uid: str
    resource_version: str
    header: H
    body: bytes


@dataclass(frozen=True, slots=True)
class Change(Generic[H]):
    """What happened to an object; `initial` when it was there before the watch began.

    `old` speaks of the same object: one that took the place of a deleted one of its name is new.
    """

    key: ObjectKey
    old: H | None
    new: H | None
    initial: bool = False


class Store(Generic[H]):
    """Objects of one kind by key; never goes back to an older version of the same object."""

    def __init__(self, digest: Callable[[JsonObject], H]) -> None:
        self.digest = digest
        self._entries: dict[ObjectKey, Entry[H]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(tuple(self._entries))

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def get(self, key: ObjectKey) -> JsonObject | None:
        """The object, decoded for the caller to keep."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        decoded: JsonObject = loads(entry.body)
        return decoded

    def header(self, key: ObjectKey) -> H | None:
        """The object's header."""
        entry = self._entries.get(key)
        return entry.header if entry else None

    def headers(self) -> Iterator[tuple[ObjectKey, H]]:
        """All keys with their headers."""
        return ((key, entry.header) for key, entry in tuple(self._entries.items()))

    def put(self, obj: JsonObject, *, initial: bool = False) -> Change[H] | None:
        """Takes a version of an object in; nothing when it is not newer than the one known."""
        metadata = obj["metadata"]
        key = ObjectKey(metadata.get("namespace") or "", metadata["name"])
        version = metadata.get("resourceVersion") or ""
        known = self._entries.get(key)
        if known and known.uid == metadata.get("uid") and not newer(version, known.resource_version):
            return None
        metadata.pop("managedFields", None)
        header = self.digest(obj)
        self._entries[key] = Entry(metadata.get("uid") or "", version, header, dumps_cut(obj))
        same = known is not None and known.uid == metadata.get("uid")
        return Change(key, known.header if known and same else None, header, initial)

    def drop(self, key: ObjectKey, uid: str = "") -> Change[H] | None:
        """Forgets an object; with a uid only if it still is that one."""
        known = self._entries.get(key)
        if known is None or (uid and known.uid != uid):
            return None
        del self._entries[key]
        return Change(key, known.header, None)


def newer(version: str, known: str) -> bool:
    """Whether a resource version is newer than another of the same kind; unordered versions count as
    newer.
    """
    if version.isdigit() and known.isdigit():
        return int(version) > int(known)
    return version != known
