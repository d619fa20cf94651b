"""A plan: what an apply would do to each object of a stage, as a value that others may look at before it is
done."""

from __future__ import annotations

from dataclasses import dataclass

from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.ssa.changes import Action, Change
from shared.ssa.drift import Difference
from shared.ssa.identity import ObjectId
from shared.ssa.inventory import Entry, Inventory


@dataclass(frozen=True, slots=True)
class Step:
    """One object: what is there, what should be, and what to do about it."""

    id: ObjectId
    resource: Resource
    action: Action
    payload: JsonObject
    live: JsonObject | None = None
    dry_run: JsonObject | None = None
    differences: tuple[Difference, ...] = ()
    takeover: bool = False
    recreate: bool = False
    dropped: tuple[str, ...] = ()

    @property
    def skipped(self) -> bool:
        """Whether the object is left alone."""
        return self.action is Action.SKIPPED

    @property
    def change(self) -> Change:
        """The step as an entry of the change set."""
        return Change(self.id, self.action)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one stage, in apply order."""

    steps: tuple[Step, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """What the apply would do."""
        return tuple(step.change for step in self.steps)

    @property
    def writes(self) -> bool:
        """Whether anything would change in the cluster."""
        return any(step.action.writes for step in self.steps)

    @property
    def inventory(self) -> Inventory:
        """All objects of the stage, skipped ones included."""
        return Inventory.gather(Entry.of(step.payload) for step in self.steps)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know although nothing failed."""
        return tuple(
            f"{step.id.display}: fields unknown to the API server were dropped: {', '.join(step.dropped)}"
            for step in self.steps
            if step.dropped
        )
