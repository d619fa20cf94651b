"""Applies the objects of a release, and deletes those that it no longer has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from helm_controller.cluster.objects import (
    MANAGER,
    ClusterError,
    Placed,
    keeps,
    live_objects,
    owned,
    ownership_problems,
    refusal,
)
from helm_controller.cluster.order import by_kind, install_sorted
from shared.kube.client import KubeClient
from shared.kube.errors import AlreadyExists, Conflict, KubeError, NotFound
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.ssa import ObjectId, Takeover, normalised

NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
_AT_ONCE: Final = 8
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Owner:
    """The release that objects belong to."""

    name: str
    namespace: str


async def apply(
    client: KubeClient, objects: Sequence[Placed], owner: Owner, *, strict: bool = True, migrate: bool = False
) -> dict[ObjectId, JsonObject]:
    """Applies the objects kind by kind in install order; gives them as the server returned them.

    `migrate` first moves what others applied in Helm's name before to the manager of this controller, so
    that fields that the objects no longer have go away.

    Raises:
        ClusterError: the server refuses one; those of later kinds are not touched.
    """
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(each: Placed) -> JsonObject:
        async with limit:
            try:
                if migrate:
                    await _take_over(client, each)
                payload = normalised(owned(each.obj, owner.name, owner.namespace))
                return await client.apply(each.resource, payload, manager=MANAGER, strict=strict)
            except KubeError as error:
                raise refusal("server-side apply failed", each, error) from error

    applied: dict[ObjectId, JsonObject] = {}
    for group in by_kind(install_sorted(objects)):
        results = await asyncio.gather(*(one(each) for each in group), return_exceptions=True)
        for each, result in zip(group, results, strict=True):
            if isinstance(result, dict):
                applied[each.id] = result
        for result in results:
            if isinstance(result, BaseException):
                raise result
    return applied


async def delete_dropped(
    client: KubeClient, before: Sequence[Placed], after: Sequence[Placed]
) -> list[ObjectId]:
    """Deletes in the background what the release had and no longer has; tells what was deleted.

    What says on the live object that it is to be kept stays.

    Raises:
        ClusterError: objects could not be deleted; all others are.
    """
    kept = {each.id for each in after}
    dropped = [each for each in before if each.id not in kept]
    live = await live_objects(client, dropped)
    deleted: list[ObjectId] = []
    problems: list[str] = []
    for each in dropped:
        found = live.get(each.id)
        if found is None or keeps(found):
            continue
        try:
            await client.delete(
                each.resource, each.id.namespace or None, each.id.name, uid=found["metadata"]["uid"]
            )
            deleted.append(each.id)
        except NotFound:
            continue
        except KubeError as error:
            problems.append(f"{each.text}: {error}")
    if problems:
        raise ClusterError(f"failed to delete resources: {'; '.join(problems)}")
    return deleted


async def refuse_foreign(client: KubeClient, objects: Sequence[Placed], owner: Owner) -> None:
    """Makes sure that no object exists that does not belong to the release.

    Raises:
        ClusterError: one does.
    """
    live = await live_objects(client, objects)
    for each in objects:
        problems = ownership_problems(live[each.id], owner.name, owner.namespace) if each.id in live else []
        if problems:
            raise ClusterError(
                f'{each.id.kind} "{each.id.name}" in namespace "{each.id.namespace}" exists and cannot be '
                f"imported into the current release: invalid ownership metadata; {'; '.join(problems)}"
            )


async def create_namespace(client: KubeClient, name: str) -> None:
    """Creates a namespace with the label that Helm gives it; one that exists stays as it is.

    Raises:
        ClusterError: it can't be created.
    """
    obj = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"name": name}},
    }
    try:
        await client.create(NAMESPACES, obj, manager=MANAGER)
    except AlreadyExists:
        return
    except KubeError as error:
        raise ClusterError(f"could not create namespace {name}: {error}") from error


async def _take_over(client: KubeClient, each: Placed) -> None:
    """Moves what Helm's client-side writes own to our own entry."""
    takeover = Takeover(MANAGER, overridden=("helm",))
    for attempt in range(1, _TRIES + 1):
        try:
            live = await client.get(each.resource, each.id.namespace or None, each.id.name)
        except NotFound:
            return
        operations: Sequence[Mapping[str, object]] = takeover.operations(live)
        if not operations:
            return
        try:
            await client.json_patch(
                each.resource,
                each.id.namespace or None,
                each.id.name,
                [dict(operation) for operation in operations],
                manager=MANAGER,
            )
        except Conflict:
            if attempt == _TRIES:
                raise
        else:
            return
