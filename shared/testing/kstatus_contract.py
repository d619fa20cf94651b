"""What every status must look like after a turn, so that clients compute the right state from it.

Tests call `violations` after each turn, whatever the kind. The rules are about shape alone: which conditions
stand together and which generations they speak of. Whether a status is also true is for the test itself to
say. A condition such as Drifted, which may stand beside Ready=True, is not negative.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.lang.json import JsonObject

NEGATIVE = frozenset(
    {
        "AccessDenied",
        "ArtifactOutdated",
        "FetchFailed",
        "BuildFailed",
        "IncludeUnavailable",
        "Reconciling",
        "Stalled",
        "StorageOperationFailed",
    }
)
"""Condition types that are normal when absent: one that is True speaks against Ready."""


@dataclass(frozen=True, slots=True)
class _View:
    """An object's status as the rules read it."""

    conditions: dict[str, JsonObject]
    observed: int
    generation: int

    @classmethod
    def of(cls, obj: JsonObject) -> _View:
        status = obj.get("status") or {}
        return cls(
            conditions={condition["type"]: condition for condition in status.get("conditions") or []},
            observed=status.get("observedGeneration", 0),
            generation=obj["metadata"].get("generation", 0),
        )

    def state(self, kind: str) -> str:
        """``True``, ``False``, ``Unknown``, or nothing for an absent condition."""
        return str(self.conditions.get(kind, {}).get("status", ""))

    @property
    def ready(self) -> bool:
        return self.state("Ready") == "True" and not self.holds("Stalled") and not self.holds("Reconciling")

    def holds(self, kind: str) -> bool:
        return self.state(kind) == "True"


def violations(obj: JsonObject, finished: bool = True) -> list[str]:
    """The broken rules, each as a sentence that starts with its number; empty when the status is sound.

    `finished` says that the turn has ended: while it runs, Ready may still be absent, True or Unknown.
    """
    view = _View.of(obj)
    return [*_of_conditions(view, finished=finished), *_of_generations(view)]


def _of_conditions(view: _View, *, finished: bool) -> list[str]:
    ready = view.state("Ready")
    broken: list[str] = []
    against = sorted(kind for kind in NEGATIVE if view.holds(kind))
    if finished and ready == "True" and against:
        broken.append(f"1: Ready is True although {', '.join(against)} is True")
    if finished and not ready:
        broken.append("2: Ready is absent")
    if finished and view.holds("Reconciling") and ready != "False":
        broken.append(
            f"3: Reconciling is True at the end of a turn, so Ready must be False, not {ready or 'absent'}"
        )
    if view.holds("Stalled") and ready != "False":
        broken.append(f"4: Stalled is True, so Ready must be False, not {ready or 'absent'}")
    if view.state("Reconciling") and view.state("Stalled"):
        broken.append("5: Reconciling and Stalled are both present")
    if ready == "Unknown" and not view.holds("Reconciling"):
        broken.append("10: Ready is Unknown, so Reconciling must be True")
    broken.extend(
        f"11: {kind} is {view.state(kind)}: remove it instead"
        for kind in ("Reconciling", "Stalled")
        if view.state(kind) == "False"
    )
    return broken


def _of_generations(view: _View) -> list[str]:
    broken: list[str] = []
    if view.observed > view.generation:
        broken.append(f"6: observedGeneration {view.observed} is beyond generation {view.generation}")
    if not view.ready:
        return broken
    if view.observed < view.generation:
        broken.append(f"7: ready at observedGeneration {view.observed}, but generation is {view.generation}")
    for kind, condition in view.conditions.items():
        spoken = condition.get("observedGeneration")
        if spoken != view.generation:
            broken.append(f"8: ready, but {kind} speaks of generation {spoken}, not {view.generation}")
        if spoken != view.observed:
            broken.append(f"9: ready, but {kind} speaks of generation {spoken}, status of {view.observed}")
    return broken
