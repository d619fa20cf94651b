"""Who owns a place of a live object, as its managed fields tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.lang.json import JsonObject, loads, mapping, mappings
from shared.ssa.pointer import Pointer


@dataclass(frozen=True, slots=True)
class FieldOwner:
    """One entry of managed fields."""

    manager: str
    #: Whether it applied the place, or wrote it in another way.
    applies: bool
    subresource: str = ""


def owners_of(live: JsonObject, path: Pointer) -> Iterator[FieldOwner]:
    """All that own the place; `path` are the parts of a JSON pointer."""
    for entry in mappings(mapping(live.get("metadata")).get("managedFields")):
        if _owns(entry.get("fieldsV1"), live, path):
            yield FieldOwner(
                str(entry.get("manager") or ""),
                entry.get("operation") == "Apply",
                str(entry.get("subresource") or ""),
            )


def _owns(fields: Any, live: Any, path: Pointer) -> bool:
    """Whether a field set holds the path; list positions are matched to merge keys by the live item."""
    if not isinstance(fields, dict):
        return False
    if not path:
        return True
    head, rest = path[0], path[1:]
    if isinstance(live, list):
        if not (head.isdecimal() and int(head) < len(live)):
            return False
        item = live[int(head)]
        return any(_is_key_of(key, item) and _owns(below, item, rest) for key, below in fields.items())
    below = fields.get(f"f:{head}")
    if below == {}:
        return True  # an atomic value: all that is below belongs to the owner too
    return _owns(below, live.get(head) if isinstance(live, dict) else None, rest)


def _is_key_of(key: str, item: Any) -> bool:
    prefix, _, text = key.partition(":")
    try:
        wanted = loads(text)
    except ValueError:
        return False
    if prefix == "v":
        return bool(wanted == item)
    if prefix != "k" or not isinstance(wanted, dict) or not isinstance(item, dict):
        return False
    return all(item.get(name) == value for name, value in wanted.items())
