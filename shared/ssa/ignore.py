"""Fields that the source states but that others may change: `spec.ignore`.

An ignored field never is a reason to apply. When an apply is due for another reason, the field must not be
turned back by it: where another applier owns it, it is left out of the payload (ownership is released);
everywhere else the live value goes into the payload (it is adopted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.lang.json import JsonObject
from shared.ssa import pointer
from shared.ssa.owners import owners_of
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
    """The paths that are ignored in an object, of all rules that are for it; an empty one is all of it."""
    return tuple(dict.fromkeys(path for rule in rules if rule.target.accepts(obj) for path in rule.paths))


def without_paths(obj: JsonObject, paths: Iterable[Pointer]) -> JsonObject:
    """The object without the ignored values, for the comparison."""
    result: JsonObject = obj
    for path in _last_first({pointer.absolute(obj, path) for path in paths}):
        result = pointer.without(result, path)
    return result


def resolved(
    desired: JsonObject, live: JsonObject, dry_run: JsonObject, paths: Iterable[Pointer], manager: str
) -> JsonObject:
    """The payload that leaves drifted ignored fields as they are in the cluster."""
    result: JsonObject = desired
    places = {pointer.absolute(desired, path): path for path in paths}
    for place in _last_first(places):
        path = places[place]
        value = pointer.get(live, path)
        if value == pointer.get(dry_run, path):
            continue
        if value is ABSENT or _owned_by_other_applier(live, pointer.absolute(live, path), manager):
            result = pointer.without(result, place)
        else:
            result = pointer.placed(result, place, value)
    return result


def _last_first(paths: Iterable[Pointer]) -> list[Pointer]:
    """Later list items first, so that the removal of one does not move the others."""
    return sorted(paths, key=_order, reverse=True)


def _order(path: Pointer) -> tuple[tuple[int, str], ...]:
    return tuple((int(part) if part.isdecimal() else 0, part) for part in path)


def _owned_by_other_applier(live: JsonObject, path: Pointer, manager: str) -> bool:
    return any(
        owner.applies and owner.manager != manager and not owner.subresource
        for owner in owners_of(live, path)
    )
