"""Fields that the source states but that others may change: `spec.ignore`.

An ignored field never is a reason to apply. When an apply is due for another reason, the field must not be
turned back by it: where another applier owns it, it is left out of the payload (ownership is released);
everywhere else the live value goes into the payload (it is adopted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.lang.json import JsonObject, loads
from shared.ssa import pointer
from shared.ssa.pointer import ABSENT, Pointer
from shared.ssa.selector import Target


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """Paths, and the objects in which they are ignored."""

    paths: tuple[Pointer, ...]
    target: Target

    @classmethod
    def compile(cls, paths: Sequence[str], target: Mapping[str, str | None] | None) -> IgnoreRule:
        """Compiles one rule of the wire.

        Raises:
            ValueError: a pointer, pattern or selector doesn't parse.
        """
        return cls(tuple(pointer.parse(path) for path in paths), Target.compile(target or {}))


def ignored_paths(rules: Iterable[IgnoreRule], obj: JsonObject) -> tuple[Pointer, ...]:
    """The paths that are ignored in an object, of all rules that are for it."""
    return tuple(dict.fromkeys(path for rule in rules if rule.target.accepts(obj) for path in rule.paths))


def without_paths(obj: JsonObject, paths: Iterable[Pointer]) -> JsonObject:
    """The object without the ignored values, for the comparison."""
    result: JsonObject = obj
    # Later list items first, so that the removal of one does not move the others.
    for path in sorted(paths, key=_removal_order, reverse=True):
        result = pointer.without(result, path)
    return result


def resolved(
    desired: JsonObject, live: JsonObject, dry_run: JsonObject, paths: Iterable[Pointer], manager: str
) -> JsonObject:
    """The payload that leaves drifted ignored fields as they are in the cluster."""
    result: JsonObject = desired
    for path in sorted(paths, key=_removal_order, reverse=True):
        value = pointer.get(live, path)
        if value == pointer.get(dry_run, path):
            continue
        if value is ABSENT or _owned_by_other_applier(live, path, manager):
            result = pointer.without(result, path)
        else:
            result = pointer.placed(result, path, value)
    return result


def _removal_order(path: Pointer) -> tuple[tuple[int, str], ...]:
    return tuple((int(part) if part.isdecimal() else 0, part) for part in path)


def _owned_by_other_applier(live: JsonObject, path: Pointer, manager: str) -> bool:
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        other = entry.get("operation") == "Apply" and entry.get("manager") != manager
        if other and not entry.get("subresource") and _owns(entry.get("fieldsV1"), live, path):
            return True
    return False


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
