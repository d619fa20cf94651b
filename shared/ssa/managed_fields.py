"""Taking fields over from those who changed an object by hand.

Server-side apply removes a field only when its last owner lets go. So the fields that kubectl, or an older
way of applying, owns are moved into the controller's own entry first; the apply that follows then removes
what the source doesn't have. Everything here is pure: a live object in, JSON patch operations out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.lang.json import JsonObject

_BOTH: Final = frozenset({"Apply", "Update"})
_UPDATE: Final = frozenset({"Update"})


@dataclass(frozen=True, slots=True)
class Writer:
    """Whose entries are meant: all managers whose names begin so, or with `exact` the one of that name."""

    name: str
    exact: bool = False
    operations: frozenset[str] = _BOTH

    def made(self, entry: JsonObject) -> bool:
        """Whether it is one of theirs."""
        manager = str(entry.get("manager") or "")
        named = manager == self.name if self.exact else manager.startswith(self.name)
        return named and entry.get("operation") in self.operations


def client_side(manager: str) -> Writer:
    """A manager, as far as it did not apply server-side."""
    return Writer(manager, exact=True, operations=_UPDATE)


def by_hand(manager: str) -> tuple[Writer, ...]:
    """Who changes the objects of a controller past it: kubectl, and those before its first apply."""
    return Writer("kubectl"), client_side("before-first-apply"), client_side(manager)


def overridden(names: Iterable[str]) -> tuple[Writer, ...]:
    """All whose names begin with one of these."""
    return tuple(Writer(name) for name in names if name)


@dataclass(frozen=True, slots=True)
class Takeover:
    """Whose fields a manager takes over, and which left-over annotations and labels go."""

    manager: str
    writers: tuple[Writer, ...]
    annotations: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def operations(self, live: JsonObject) -> list[JsonObject]:
        """The patch for a live object, empty where nothing is to be done.

        It carries the resource version it was computed from: field ownership that changed in between is a
        conflict.
        """
        metadata = live.get("metadata") or {}
        operations: list[JsonObject] = [
            {"op": "remove", "path": f"/metadata/{field}/{_escaped(key)}"}
            for field, keys in (("annotations", self.annotations), ("labels", self.labels))
            for key in keys
            if key in (metadata.get(field) or {})
        ]
        entries = metadata.get("managedFields") or []
        merged = self._merged(entries)
        if merged != entries:
            operations.append({"op": "replace", "path": "/metadata/managedFields", "value": merged})
        return guarded(operations, live)

    def _merged(self, entries: list[JsonObject]) -> list[JsonObject]:
        taken = [entry for entry in entries if self._takes(entry)]
        if not taken:
            return entries
        own = next((entry for entry in entries if self._is_own(entry)), None)
        target = own if own is not None else taken[0]
        fields = union(entry.get("fieldsV1") or {} for entry in (target, *taken))
        result = {**target, "manager": self.manager, "operation": "Apply", "fieldsV1": fields}
        rest = [entry for entry in entries if entry is target or not self._takes(entry)]
        return [result if entry is target else entry for entry in rest]

    def _is_own(self, entry: JsonObject) -> bool:
        return (
            entry.get("manager") == self.manager
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        )

    def _takes(self, entry: JsonObject) -> bool:
        if entry.get("subresource") or self._is_own(entry):
            return False
        return any(writer.made(entry) for writer in self.writers)


def migration(live: JsonObject, api_version: str) -> list[JsonObject]:
    """The patch that moves all ownership entries to another API version of the same group."""
    entries = (live.get("metadata") or {}).get("managedFields") or []
    moved = [{**entry, "apiVersion": api_version} for entry in entries]
    if moved == entries:
        return []
    return guarded([{"op": "replace", "path": "/metadata/managedFields", "value": moved}], live)


def only_status_changed(before: JsonObject, after: JsonObject) -> bool:
    """Whether all writes between two states of one object went to its status.

    Each write of content leaves its mark: in the fields and the time of its writer's entry. When one of the
    states doesn't tell who wrote it, the answer is no.
    """
    return bool(_content(before)) and _content(before) == _content(after)


def _content(obj: JsonObject) -> tuple[object, ...]:
    """What stays equal while only the status is written; empty where that can't be told."""
    metadata = obj.get("metadata") or {}
    entries = metadata.get("managedFields")
    if not entries or "deletionTimestamp" in metadata:
        return ()
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        [entry for entry in entries if entry.get("subresource") != "status"],
    )


def union(sets: Iterable[JsonObject]) -> JsonObject:
    """The union of `fieldsV1` sets: trees of nested objects."""
    result: JsonObject = {}
    for fields in sets:
        for key, below in fields.items():
            result[key] = union((result.get(key) or {}, below))
    return result


def guarded(operations: list[JsonObject], live: JsonObject) -> list[JsonObject]:
    """The operations, with the resource version they are good for."""
    version = (live.get("metadata") or {}).get("resourceVersion")
    if not operations or not version:
        return operations
    return [*operations, {"op": "replace", "path": "/metadata/resourceVersion", "value": version}]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
