"""The stages of an apply, one after the other: plan, decide, apply, wait until in effect.

Between plan and apply the caller decides: it may record the new objects, ask for approval, or stop. Only
that hook knows what the caller is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.kube.client import KubeClient
from shared.kube.errors import NoMatch, Unreachable
from shared.lang.json import JsonObject
from shared.ssa.applier import Applied, apply
from shared.ssa.errors import StageFailed
from shared.ssa.identity import GroupKind, ObjectId
from shared.ssa.normalise import normalised
from shared.ssa.options import ApplyOptions
from shared.ssa.order import stages
from shared.ssa.parking import Park, stay
from shared.ssa.plan import Plan
from shared.ssa.planner import plan
from shared.ssa.wait import HealthCheckFailed, HealthWaiter
from shared.ssa.watches import SharedWatches
from shared.status.kstatus import StatusReader

Decide = Callable[[Plan], Awaitable[None]]

_DEFINITION: Final = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
_SERVED_TRIES: Final = 20
_SERVED_PAUSE: Final = 0.25


async def _go_ahead(_plan: Plan) -> None:
    """Decides for every plan."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """Applies whole sets of objects as one identity; `reader` judges whether a stage is in effect."""

    client: KubeClient
    watches: SharedWatches
    options: ApplyOptions
    reader: StatusReader | None = None

    async def run(
        self,
        objects: Iterable[JsonObject],
        applied: Applied,
        *,
        expected: Collection[ObjectId] = frozenset(),
        settled: Collection[ObjectId] = frozenset(),
        decide: Decide = _go_ahead,
        park: Park = stay,
        linger: Park = stay,
    ) -> None:
        """Applies normalised copies of the objects; what was done is in `applied`, whatever happens.

        `decide` sees the plan of each stage that would write, and may raise to stop. The waits between
        stages go through `park`, which may give way to other work meanwhile or end them by raising; waits
        for an object to be gone before it is made anew go through `linger`, which must not end them.

        Raises:
            DryRunFailed, ApplyFailed: the server refuses objects.
            StageFailed: the objects of a stage are not in effect in time.

        """
        awaited: set[GroupKind] = set()
        wanted = [normalised(obj) for obj in objects]
        for stage, members in stages(wanted, self.options.custom_kinds):
            await self._until_served(members, awaited)
            found = await plan(self.client, members, self.options, expected, settled)
            if found.writes:
                await decide(found)
            await apply(self.client, found, self.options, self.watches, applied, linger)
            if stage.waits:
                await park(self._until_in_effect(found, applied))
            written = [step for step in found.steps if step.action.writes]
            awaited |= {_defines(step.payload) for step in written if step.id.group_kind == _DEFINITION}

    async def _until_in_effect(self, found: Plan, applied: Applied) -> None:
        """Waits for the stage's objects, then forgets what the server served before there were new kinds."""
        ids = [step.id for step in found.steps if not step.skipped and step.id in applied.objects]
        try:
            newer = await HealthWaiter(self.watches).wait(
                self.client,
                ids,
                applied.objects,
                timeout=self.options.stage_timeout,
                reader=self.reader,
            )
        except HealthCheckFailed as error:
            raise StageFailed(str(error)) from error
        applied.follow(newer)
        if any(step.id.group_kind == _DEFINITION and step.action.writes for step in found.steps):
            self.client.discovery.invalidate()

    async def _until_served(self, members: Sequence[JsonObject], awaited: set[GroupKind]) -> None:
        """Discovery follows a new definition after a moment; kinds defined just now are given that moment."""
        kinds = {ObjectId.of(obj).group_kind for obj in members} & awaited
        for kind in kinds:
            for _ in range(_SERVED_TRIES):
                try:
                    await self.client.discovery.find(kind.group, kind.kind)
                    break
                except (NoMatch, Unreachable):
                    await asyncio.sleep(_SERVED_PAUSE)


def _defines(definition: JsonObject) -> GroupKind:
    spec = definition.get("spec") or {}
    return GroupKind(spec.get("group") or "", (spec.get("names") or {}).get("kind") or "")
