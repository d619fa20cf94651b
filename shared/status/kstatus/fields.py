"""Forgiving reads from decoded objects: a field that is absent or of another type gives the default.

Status rules look at objects that other programs wrote, possibly for the first time half a second ago, so a
missing field is ordinary and never an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.lang.json import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `status.conditions`."""

    type: str
    status: str
    reason: str
    message: str

    @property
    def is_true(self) -> bool:
        """Whether the status is True."""
        return self.status == "True"

    @property
    def is_false(self) -> bool:
        """Whether the status is False; Unknown and absent are not."""
        return self.status == "False"


def value(obj: JsonValue, *path: str) -> JsonValue:
    """What is at the path, or None."""
    found = obj
    for key in path:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


def text(obj: JsonValue, *path: str) -> str:
    """The string at the path, or an empty one."""
    found = value(obj, *path)
    return found if isinstance(found, str) else ""


def number(obj: JsonValue, *path: str, default: int = 0) -> int:
    """The integer at the path, or the default."""
    found = optional_number(obj, *path)
    return default if found is None else found


def optional_number(obj: JsonValue, *path: str) -> int | None:
    """The integer at the path, or None."""
    found = value(obj, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def objects(obj: JsonValue, *path: str) -> Iterator[JsonObject]:
    """The objects of the list at the path."""
    found = value(obj, *path)
    if isinstance(found, list):
        yield from (item for item in found if isinstance(item, dict))


def conditions(obj: JsonObject) -> Iterator[Condition]:
    """`status.conditions` in the order of the list."""
    for item in objects(obj, "status", "conditions"):
        yield Condition(text(item, "type"), text(item, "status"), text(item, "reason"), text(item, "message"))


def condition(obj: JsonObject, kind: str) -> Condition | None:
    """The first condition of a type."""
    return next((found for found in conditions(obj) if found.type == kind), None)


def is_true(obj: JsonObject, kind: str) -> bool:
    """Whether the condition is there and True."""
    found = condition(obj, kind)
    return found is not None and found.is_true
