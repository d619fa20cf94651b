"""The record of what was applied: entries of identity and API version, in apply order.

Two values come out of it: what became stale (in the old one, not in the new one), and the superset that has
to be written before anything new is created, so that a crash at any instant leaves no object that nobody
remembers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from shared.kube.resources import split_api_version
from shared.lang.json import JsonObject
from shared.ssa.identity import ObjectId


@dataclass(frozen=True, slots=True)
class Entry:
    """One recorded object."""

    id: ObjectId
    version: str

    @classmethod
    def of(cls, obj: JsonObject) -> Entry:
        """The entry for an object."""
        _, version = split_api_version(obj.get("apiVersion") or "")
        return cls(ObjectId.of(obj), version)

    @property
    def api_version(self) -> str:
        """Group and version as objects state them."""
        return f"{self.id.group}/{self.version}" if self.id.group else self.version


@dataclass(frozen=True, slots=True)
class Inventory:
    """Entries in apply order, one per identity."""

    entries: tuple[Entry, ...] = ()
    ids: frozenset[ObjectId] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", frozenset(entry.id for entry in self.entries))

    @classmethod
    def gather(cls, entries: Iterable[Entry]) -> Inventory:
        """An inventory of these entries; the first of each identity stays."""
        first: dict[ObjectId, Entry] = {}
        for entry in entries:
            first.setdefault(entry.id, entry)
        return cls(tuple(first.values()))

    @classmethod
    def read(cls, items: Iterable[JsonObject]) -> Inventory:
        """Reads `{id, v}` entries as a status holds them.

        Raises:
            ValueError: an id can't be read.
        """
        return cls.gather(Entry(ObjectId.parse(item["id"]), item.get("v") or "") for item in items)

    def write(self) -> list[JsonObject]:
        """The entries as a status holds them."""
        return [{"id": str(entry.id), "v": entry.version} for entry in self.entries]

    def minus(self, other: Inventory) -> Inventory:
        """What is recorded here and not there, in the order of this one."""
        return Inventory(tuple(entry for entry in self.entries if entry.id not in other.ids))

    def union(self, other: Inventory) -> Inventory:
        """Everything of both, this one's entries first and its versions where both have an object."""
        return Inventory(self.entries + other.minus(self).entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)
