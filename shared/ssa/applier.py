"""Apply: does what a plan says, object by object in order.

Nothing is decided here any more. Unchanged and skipped objects cost no request; of every other object the
server's answer is kept, because health starts from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.kube.client import KubeClient
from shared.kube.errors import Conflict, KubeError, NotFound
from shared.lang.json import JsonObject
from shared.ssa.changes import Change
from shared.ssa.errors import ApplyFailed, SsaError, apply_error
from shared.ssa.gone import wait_gone
from shared.ssa.identity import ObjectId
from shared.ssa.inventory import Entry
from shared.ssa.managed_fields import only_status_changed
from shared.ssa.options import ApplyOptions
from shared.ssa.parking import Park, stay
from shared.ssa.plan import Plan, Step
from shared.ssa.watches import SharedWatches

_TRIES = 3


@dataclass(slots=True)
class Applied:
    """What was done so far: changes, inventory entries (skipped objects included), and the live objects
    as the server last gave them (skipped ones left out).
    """

    changes: list[Change] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    objects: dict[ObjectId, JsonObject] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def follow(self, newer: Mapping[ObjectId, JsonObject]) -> None:
        """Takes over later states of objects whose content nobody wrote in between."""
        for identity, obj in newer.items():
            known = self.objects.get(identity)
            if known is not None and only_status_changed(known, obj):
                self.objects[identity] = obj

    @property
    def writes(self) -> bool:
        """Whether anything changed in the cluster."""
        return any(change.action.writes for change in self.changes)


async def apply(
    client: KubeClient,
    plan: Plan,
    options: ApplyOptions,
    watches: SharedWatches,
    applied: Applied,
    linger: Park = stay,
) -> None:
    """Applies a plan; what was done is added to `applied`, also when it fails half-way.

    Waits for an object to be gone before it is made anew go through `linger`.

    Raises:
        ApplyFailed: the server refuses an object; those after it are not touched.
    """
    applied.warnings += plan.warnings
    for step in plan.steps:
        live = step.live
        if step.action.writes:
            try:
                live = await _written(client, step, options, watches, linger)
            except (KubeError, SsaError) as error:
                raise ApplyFailed(str(apply_error(step.id, error, step.payload, step.live))) from error
            applied.objects[step.id] = live
        elif live is not None and not step.skipped:
            applied.objects[step.id] = live
        applied.changes.append(step.change)
        applied.entries.append(Entry.of(step.payload))


async def _written(
    client: KubeClient, step: Step, options: ApplyOptions, watches: SharedWatches, linger: Park
) -> JsonObject:
    if step.takeover:
        await _take_over(client, step, options)
    if step.recreate and step.live is not None:
        uid = str(step.live["metadata"]["uid"])
        if await _remove(client, step, uid):
            await linger(wait_gone(watches, client, {step.id: uid}, timeout=options.removal_timeout))
    return await client.apply(step.resource, step.payload, manager=options.manager, force=True)


async def _take_over(client: KubeClient, step: Step, options: ApplyOptions) -> None:
    """Moves field ownership; a change in between is looked at again, a few times."""
    live, namespace = step.live, step.id.namespace or None
    for attempt in range(1, _TRIES + 1):
        operations = options.takeover.operations(live) if options.takeover and live else []
        if not operations:
            return
        try:
            await client.json_patch(
                step.resource, namespace, step.id.name, operations, manager=options.manager
            )
        except Conflict:
            if attempt == _TRIES:
                raise
            live = await client.get(step.resource, namespace, step.id.name)
        else:
            return


async def _remove(client: KubeClient, step: Step, uid: str) -> bool:
    """Deletes the object that was rehearsed against; says whether it was still there."""
    try:
        await client.delete(step.resource, step.id.namespace or None, step.id.name, uid=uid)
    except NotFound:
        return False
    return True
