"""Conditions of a custom resource: a small mutable set with Flux's rules.

A `Conditions` holds what should be true at the end. When it is written, `render` compares it with what the
server has: a condition that says the same keeps its time of transition, so that passing through another
state in memory leaves no trace. Negative conditions (`Reconciling`, `Stalled`, failures) are present only
while they are True.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.api.reasons import ConditionType
from shared.lang.json import JsonObject
from shared.lang.timestamp import format_timestamp

READY: Final = ConditionType.READY.value
RECONCILING: Final = ConditionType.RECONCILING.value
STALLED: Final = ConditionType.STALLED.value

TRUE: Final = "True"
FALSE: Final = "False"
UNKNOWN: Final = "Unknown"

_MESSAGE_BYTES: Final = 32768
_FIRST: Final = {STALLED: 0, RECONCILING: 1, READY: 2}


@dataclass(frozen=True, slots=True)
class Condition:
    """What one condition says, and since when (RFC 3339, as on the wire)."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int = 0
    since: str = ""

    def says(self, other: Condition | None) -> bool:
        """Whether both say the same, whenever they were written."""
        return other is not None and (self.status, self.reason, self.message) == (
            other.status,
            other.reason,
            other.message,
        )


class ConditionConflict(Exception):
    """Another writer moved a condition that is not ours to a state that ours contradicts."""


class Conditions:
    """The conditions of one object while a turn works on it."""

    def __init__(self, generation: int, wire: Iterable[JsonObject] = ()) -> None:
        self._generation = generation
        self._by_type = {condition.type: condition for condition in map(_decode, wire)}

    def __iter__(self) -> Iterator[Condition]:
        return iter(self._by_type.values())

    def get(self, type_: str) -> Condition | None:
        """The condition, or None."""
        return self._by_type.get(type_)

    def status(self, type_: str) -> str:
        """`True`, `False` or `Unknown`; an absent condition is `Unknown`."""
        condition = self._by_type.get(type_)
        return condition.status if condition else UNKNOWN

    def holds(self, type_: str) -> bool:
        """Whether the condition is True."""
        return self.status(type_) == TRUE

    def set(self, type_: str, status: str, reason: str, message: str) -> None:
        """States a condition; `observedGeneration` becomes the object's generation."""
        known = self._by_type.get(type_)
        said = Condition(type_, status, reason, _cut(message), self._generation)
        self._by_type[type_] = replace(said, since=known.since) if known and said.says(known) else said

    def remove(self, *types: str) -> None:
        """Takes conditions away."""
        for type_ in types:
            self._by_type.pop(type_, None)

    def restate(self) -> None:
        """Says everything again for the object's generation."""
        for condition in tuple(self._by_type.values()):
            self.set(condition.type, condition.status, condition.reason, condition.message)

    def mark_reconciling(self, reason: str, message: str) -> None:
        """Work goes on; an object is never reconciling and stalled at once."""
        self.remove(STALLED)
        self.set(RECONCILING, TRUE, reason, message)

    def mark_stalled(self, reason: str, message: str) -> None:
        """Only an edit of the object can help."""
        self.remove(RECONCILING)
        self.set(STALLED, TRUE, reason, message)

    def render(self, base: Iterable[JsonObject], now: datetime) -> list[JsonObject]:
        """The wire form, given what the server has: transition times, order."""
        before = {condition.type: condition for condition in map(_decode, base)}
        stamp = format_timestamp(now)
        final = []
        for condition in self._by_type.values():
            known = before.get(condition.type)
            since = known.since if known and condition.says(known) else condition.since or stamp
            if known and not condition.says(known):
                since = stamp
            final.append(replace(condition, since=since))
        return [_encode(condition) for condition in _ordered(final)]

    def rebase(self, base: Iterable[JsonObject], theirs: Iterable[JsonObject], owned: frozenset[str]) -> None:
        """Takes over what other writers did since `base` to conditions that are not ours.

        Raises:
            ConditionConflict: we changed a condition we don't own, and so did they, differently.
        """
        before = {condition.type: condition for condition in map(_decode, base)}
        fresh = {condition.type: condition for condition in map(_decode, theirs)}
        for type_ in sorted((set(before) | set(fresh) | set(self._by_type)) - owned):
            ours, old, new = self._by_type.get(type_), before.get(type_), fresh.get(type_)
            if _same(ours, old):
                if new is None:
                    self._by_type.pop(type_, None)
                else:
                    self._by_type[type_] = new
            elif not _same(new, old) and not _same(new, ours):
                raise ConditionConflict(
                    f"condition {type_} was set to {new.status if new else 'absent'} by another writer "
                    f"while this pass set it to {ours.status if ours else 'absent'}"
                )


def _same(one: Condition | None, other: Condition | None) -> bool:
    return one is other or (one is not None and one.says(other))


def _cut(message: str) -> str:
    encoded = message.encode()
    if len(encoded) <= _MESSAGE_BYTES:
        return message
    return encoded[: _MESSAGE_BYTES - 3].decode(errors="ignore") + "..."


def _ordered(conditions: list[Condition]) -> list[Condition]:
    def rank(condition: Condition) -> tuple[int, int, str]:
        first = _FIRST.get(condition.type)
        return (
            (len(_FIRST), -condition.observed_generation, condition.type) if first is None else (first, 0, "")
        )

    return sorted(conditions, key=rank)


def _decode(wire: JsonObject) -> Condition:
    return Condition(
        str(wire.get("type") or ""),
        str(wire.get("status") or UNKNOWN),
        str(wire.get("reason") or ""),
        str(wire.get("message") or ""),
        int(wire.get("observedGeneration") or 0),
        str(wire.get("lastTransitionTime") or ""),
    )


def _encode(condition: Condition) -> JsonObject:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": condition.since,
    }
