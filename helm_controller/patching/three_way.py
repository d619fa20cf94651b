"""The smallest patch from a live object to what is wanted, of three states.

What the release had before and no longer wants goes; what it wants and the cluster has otherwise is set; what
others added stays. With rules the result is a strategic merge patch, without any it is a plain JSON merge
patch. A field that the cluster lacks already is not asked to go, so that an empty patch means: no request.
Everything here is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.lang.json import JsonObject

_PATCH: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_ORDER: Final = "$setElementOrder/"
_DELETE: Final = "$deleteFromPrimitiveList/"


@dataclass(frozen=True, slots=True)
class Rules:
    """How a field is merged; of the fields below it only those are listed that have rules themselves."""

    fields: Mapping[str, Rules] = field(default_factory=dict)
    #: A list whose items are merged one by one, in place of being replaced.
    merges: bool = False
    #: What tells the items of such a list apart; empty where they are no objects.
    key: str = ""
    #: Of an object only the wanted keys stay, whoever set the others.
    retains: bool = False

    def of(self, name: str) -> Rules:
        """The rules of a field below."""
        return self.fields.get(name, PLAIN)


PLAIN: Final = Rules()


def three_way(before: JsonObject, live: JsonObject, wanted: JsonObject, rules: Rules = PLAIN) -> JsonObject:
    """The patch; empty when the live object is as it is wanted."""
    patch: JsonObject = {}
    for name, value in wanted.items():
        current = live.get(name)
        if value is None or current is None:
            if value is not current:
                patch[name] = value
        elif isinstance(value, dict) and isinstance(current, dict):
            below = three_way(_object(before.get(name)), current, value, rules.of(name))
            if below:
                patch[name] = below
        elif isinstance(value, list) and isinstance(current, list) and rules.of(name).merges:
            patch |= _list(name, _items(before.get(name)), current, value, rules.of(name))
        elif not same(current, value):
            patch[name] = value
    patch |= {name: None for name in before if name not in wanted and live.get(name) is not None}
    if rules.retains:
        kept = {name for name, value in wanted.items() if value is not None}
        foreign = any(value is not None and name not in wanted for name, value in live.items())
        if kept and (patch or foreign):
            patch[_RETAIN] = sorted(kept)
    return patch


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _list(name: str, before: list[Any], live: list[Any], wanted: list[Any], rules: Rules) -> JsonObject:
    if not live:
        return {name: wanted} if wanted else {}
    if not rules.key:
        return _values(name, before, live, wanted)
    if all(_tells_apart(rules.key, items) for items in (before, live, wanted)):
        return _objects(name, before, live, wanted, rules)
    return _ambiguous(name, before, live, wanted, rules)


def _objects(name: str, before: list[Any], live: list[Any], wanted: list[Any], rules: Rules) -> JsonObject:
    """Changes of a list of objects, item by item."""
    key = rules.key
    earlier, current = ({item[key]: item for item in items} for items in (before, live))
    kept = [item[key] for item in wanted]
    changes: list[JsonObject] = []
    for item in wanted:
        known = current.get(item[key])
        if known is None:
            changes.append(item)
            continue
        change = three_way(earlier.get(item[key]) or {}, known, item, rules)
        if change:
            changes.append({key: item[key], **change})
    changes += [
        {key: value, _PATCH: "delete"} for value in earlier if value not in set(kept) and value in current
    ]
    patch: JsonObject = {name: changes} if changes else {}
    if kept and (changes or not _in_order(kept, list(current))):
        patch[_ORDER + name] = [{key: value} for value in kept]
    return patch


def _values(name: str, before: list[Any], live: list[Any], wanted: list[Any]) -> JsonObject:
    """Changes of a list of texts or numbers."""
    added = [value for value in wanted if value not in live]
    gone = [value for value in dict.fromkeys(before) if value not in wanted and value in live]
    patch: JsonObject = {}
    if added:
        patch[name] = added
    if gone:
        patch[_DELETE + name] = gone
    if wanted and (patch or not _in_order(wanted, live)):
        patch[_ORDER + name] = wanted
    return patch


def _ambiguous(name: str, before: list[Any], live: list[Any], wanted: list[Any], rules: Rules) -> JsonObject:
    """Items that the key doesn't tell apart, like a port of TCP and UDP, can only be set as a whole.

    The server would mix them up. Where none of them differs nothing is asked for.
    """
    known, current = _numbered(before, rules.key), _numbered(live, rules.key)
    own = _numbered(wanted, rules.key)
    foreign = [item for place, item in current.items() if place not in own and place not in known]
    gone = any(place in current and place not in own for place in known)
    differs = any(
        place not in current or three_way(_object(known.get(place)), current[place], item, rules)
        for place, item in own.items()
    )
    return {name: [{_PATCH: "replace"}, *wanted, *foreign]} if gone or differs else {}


def _tells_apart(key: str, items: Sequence[Any]) -> bool:
    values = [item.get(key) if isinstance(item, dict) else None for item in items]
    return all(isinstance(value, str | int) for value in values) and len(set(values)) == len(values)


def _numbered(items: Iterable[Any], key: str) -> dict[tuple[str, int], JsonObject]:
    """Items by the value of their key and their number among those that have the same."""
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], JsonObject] = {}
    for item in map(_object, items):
        value = str(item.get(key))
        found[value, seen[value]] = item
        seen[value] += 1
    return found


def _in_order(wanted: Sequence[Any], live: Sequence[Any]) -> bool:
    """Whether those that are in both lists have the same order in both."""
    return [value for value in wanted if value in live] == [value for value in live if value in wanted]


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
