"""Diff: finds out, without changing anything, what applying the objects of a stage would do.

The server itself is asked, with dry-runs. Requests are the currency: an object that is not expected to
exist is dry-run without reading it first, and when the answer has no resource version it is a creation and
needs no read at all. Every object of the stage is looked at, so that all mistakes are reported together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import Resource, split_api_version
from shared.lang.json import JsonObject
from shared.ssa import recreate
from shared.ssa.changes import Action
from shared.ssa.drift import differences
from shared.ssa.errors import DryRunFailed, ObjectRefused, dry_run_error
from shared.ssa.identity import ObjectId
from shared.ssa.ignore import ignored_paths, resolved, without_paths
from shared.ssa.managed_fields import migration
from shared.ssa.options import ApplyOptions
from shared.ssa.plan import Plan, Step
from shared.ssa.undeclared import without_undeclared

_NO_NAMESPACE = "the server could not find the requested resource"


async def plan(
    client: KubeClient,
    objects: Sequence[JsonObject],
    options: ApplyOptions,
    expected: Collection[ObjectId] = frozenset(),
    settled: Collection[ObjectId] = frozenset(),
) -> Plan:
    """Plans the objects of one stage; `expected` are those that an earlier apply left in the cluster.

    The caller knows of the `settled` ones that they are as wanted: they cost no request.

    Raises:
        DryRunFailed: the server refuses objects; all of them are named.
    """
    limit = asyncio.Semaphore(options.concurrency)

    async def one(obj: JsonObject) -> Step | ObjectRefused:
        async with limit:
            try:
                return await _Diff(client, options).step(obj, expected, settled)
            except ObjectRefused as refused:
                return refused

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(obj), name=f"dry-run {ObjectId.of(obj).display}") for obj in objects]
    results = [task.result() for task in tasks]
    refused = tuple(result for result in results if isinstance(result, ObjectRefused))
    if refused:
        raise DryRunFailed(refused)
    return Plan(tuple(result for result in results if isinstance(result, Step)))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a dry-run gave: the object as it would be, or the refusal."""

    payload: JsonObject
    result: JsonObject | None
    error: KubeError | None = None
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Diff:
    client: KubeClient
    options: ApplyOptions

    async def step(
        self, obj: JsonObject, expected: Collection[ObjectId], settled: Collection[ObjectId]
    ) -> Step:
        """The step for one object."""
        policies = self.options.policies
        if policies.ignores(obj):
            return await self._left_alone(obj)
        resource, desired = await self._placed(obj)
        identity = ObjectId.of(desired)
        nothing = Step(identity, resource, Action.SKIPPED, desired)
        if identity in settled:
            return replace(nothing, action=Action.UNCHANGED)
        read_first = (
            identity in expected or policies.applies_once(desired) or self.options.migrate_api_version
        )
        live = await self._live(resource, identity) if read_first else None
        if live is not None and self._skips(desired, live):
            return replace(nothing, live=live)
        moved = False
        if live is not None and self.options.migrate_api_version:
            before, live = live, await self._migrated(resource, desired, live)
            moved = live is not before
        answer = await self._dry_run(resource, desired)
        exists = answer.result is None or bool(_metadata(answer.result).get("resourceVersion"))
        if exists and (not read_first or _changed_between(live, answer.result)):
            live = await self._live(resource, identity)
            if live is not None and self._skips(desired, live):
                return replace(nothing, live=live)
        if answer.error is not None:
            return await self._recreation(resource, answer, live)
        found = replace(nothing, payload=answer.payload, dry_run=answer.result, dropped=answer.dropped)
        return self._compared(found, live, moved=moved) if exists else replace(found, action=Action.CREATED)

    def _compared(self, found: Step, live: JsonObject | None, *, moved: bool) -> Step:
        """The step for an object that is there; that its fields were moved to another version is a change."""
        options, result = self.options, found.dry_run
        if live is None or result is None:
            # It may not be read, or was deleted this instant: applying is the only sound choice.
            return replace(found, action=Action.CONFIGURED)
        paths = ignored_paths(options.ignore, found.payload)
        if () in paths:
            return replace(found, action=Action.UNCHANGED, live=live)
        drift = differences(without_paths(live, paths), without_paths(result, paths))
        merges = options.policies.merges(found.payload, live)
        takeover = options.takeover is not None and not merges and bool(options.takeover.operations(live))
        if not (drift or takeover or moved):
            return replace(found, action=Action.UNCHANGED, live=live)
        payload = resolved(found.payload, live, result, paths, options.manager)
        return replace(
            found,
            action=Action.CONFIGURED,
            live=live,
            payload=payload,
            differences=drift,
            takeover=takeover,
        )

    async def _recreation(self, resource: Resource, answer: _Answer, live: JsonObject | None) -> Step:
        """The step that deletes and creates, where that is wanted and safe; else the refusal is raised."""
        desired, error, options = answer.payload, answer.error, self.options
        identity = ObjectId.of(desired)
        assert error is not None  # noqa: S101 - only called with one
        refused = dry_run_error(identity, error, desired, live)
        forced = options.force or options.policies.forces(desired, live)
        if live is None or not forced or not recreate.asks_for_recreation(error):
            raise refused from error
        if not recreate.can_be_rehearsed(desired):
            raise ObjectRefused(
                f"{refused}; not recreated by force, because a {identity.kind} takes other objects with it"
            ) from error
        try:
            created = await self.client.create(
                resource, recreate.rehearsal(desired, live), dry_run=True, manager=options.manager
            )
        except KubeError as again:
            why = dry_run_error(identity, again, desired, live)
            raise ObjectRefused(
                f"{refused}; not recreated by force, because a new object would be refused too: {why}"
            ) from again
        return Step(
            identity,
            resource,
            Action.CREATED,
            desired,
            live=live,
            dry_run=created,
            differences=differences(live, created),
            recreate=True,
            dropped=answer.dropped,
        )

    async def _left_alone(self, obj: JsonObject) -> Step:
        """The step for an object that its source excludes: the server need not even know its kind."""
        try:
            resource, desired = await self._placed(obj)
        except ObjectRefused:
            group, version = split_api_version(obj["apiVersion"])
            resource, desired = Resource(group, version, "", obj["kind"]), obj
        return Step(ObjectId.of(desired), resource, Action.SKIPPED, desired)

    async def _placed(self, obj: JsonObject) -> tuple[Resource, JsonObject]:
        """The resource of an object, and the object with a namespace exactly where the resource has one."""
        group, version = split_api_version(obj["apiVersion"])
        identity = ObjectId.of(obj)
        try:
            resource = await self.client.discovery.find(group, obj["kind"], version)
        except KubeError as error:
            raise dry_run_error(identity, error, obj) from error
        if resource.namespaced and not identity.namespace:
            raise ObjectRefused(f"{identity.display} namespace not specified: {_NO_NAMESPACE}")
        if not resource.namespaced and identity.namespace:
            metadata = {key: value for key, value in obj["metadata"].items() if key != "namespace"}
            return resource, {**obj, "metadata": metadata}
        return resource, obj

    async def _live(self, resource: Resource, identity: ObjectId) -> JsonObject | None:
        """The live object; trouble other than absence is left to the dry-run to report."""
        try:
            return await self.client.get(resource, identity.namespace or None, identity.name)
        except KubeError:
            return None

    async def _dry_run(self, resource: Resource, desired: JsonObject) -> _Answer:
        payload = desired
        dropped: tuple[str, ...] = ()
        while True:
            try:
                result = await self.client.apply(
                    resource, payload, manager=self.options.manager, force=True, dry_run=True
                )
            except KubeError as error:
                slimmer, paths = without_undeclared(payload, str(error))
                if not paths:
                    return _Answer(payload, None, error)
                payload, dropped = slimmer, (*dropped, *paths)
            else:
                return _Answer(payload, result, None, dropped)

    async def _migrated(self, resource: Resource, desired: JsonObject, live: JsonObject) -> JsonObject:
        """Moves field ownership to the desired API version; the dry-run may be impossible without it."""
        operations = migration(live, desired["apiVersion"])
        if not operations:
            return live
        identity = ObjectId.of(desired)
        try:
            return await self.client.json_patch(
                resource,
                identity.namespace or None,
                identity.name,
                operations,
                manager=self.options.manager,
            )
        except KubeError as error:
            raise dry_run_error(identity, error, desired, live) from error

    def _skips(self, desired: JsonObject, live: JsonObject) -> bool:
        policies = self.options.policies
        return policies.ignores(desired, live) or policies.applies_once(desired)


def _changed_between(live: JsonObject | None, result: JsonObject | None) -> bool:
    """Whether somebody wrote the object after it was read, so that a difference would be theirs, not ours."""
    if live is None or result is None:
        return False
    return bool(_metadata(live).get("resourceVersion") != _metadata(result).get("resourceVersion"))


def _metadata(obj: JsonObject) -> JsonObject:
    found: JsonObject = obj.get("metadata") or {}
    return found
