"""Brings the objects of a release into the cluster, and deletes those that it no longer has.

In which way an object is written is a matter of `server_side` and `client_side`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from helm_controller.cluster.objects import (
    MANAGER,
    ClusterError,
    Placed,
    keeps,
    known_now,
    live_objects,
    owned,
    ownership_problems,
)
from helm_controller.cluster.order import by_kind, install_sorted
from shared.kube.client import KubeClient
from shared.kube.errors import AlreadyExists, KubeError, NotFound
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.ssa import ObjectId

NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Owner:
    """The release that objects belong to."""

    name: str
    namespace: str


class Way(Protocol):
    """How one object is brought into the cluster."""

    async def write(self, each: Placed) -> JsonObject:
        """The object as the server has it then.

        Raises:
            ClusterError: the server refuses it.
        """


class ApplyFailed(ClusterError):
    """Objects were refused; `applied` has those that were not."""

    def __init__(self, message: str, applied: Mapping[ObjectId, JsonObject]) -> None:
        super().__init__(message)
        self.applied = applied


async def apply(way: Way, objects: Sequence[Placed], owner: Owner) -> dict[ObjectId, JsonObject]:
    """Brings the objects into the cluster with the marks of their owner, kind by kind in install order.

    Gives them as the server has them.

    Raises:
        ApplyFailed: the server refuses some; all others are in the cluster.
    """
    limit = asyncio.Semaphore(_AT_ONCE)
    problems: list[str] = []

    async def one(each: Placed) -> JsonObject | None:
        async with limit:
            try:
                return await way.write(replace(each, obj=owned(each.obj, owner.name, owner.namespace)))
            except ClusterError as error:
                problems.append(str(error))
                return None

    applied: dict[ObjectId, JsonObject] = {}
    for group in by_kind(install_sorted(objects)):
        results = await asyncio.gather(*(one(each) for each in group))
        applied |= {each.id: live for each, live in zip(group, results, strict=True) if live is not None}
    if problems:
        raise ApplyFailed(" && ".join(problems), applied)
    return applied


async def delete_dropped(
    client: KubeClient, before: Sequence[Placed], after: Sequence[Placed], owner: Owner | None = None
) -> list[ObjectId]:
    """Deletes in the background what the release had and no longer has; tells what was deleted.

    What says on the live object that it is to be kept stays. With `owner`, so does what does not bear the
    marks of this release: a revision that failed may never have come to its object.

    Raises:
        ClusterError: objects could not be deleted; all others are.
    """
    kept = {each.id for each in after}
    dropped = await known_now(client, [each for each in before if each.id not in kept])
    live = await live_objects(client, dropped)
    deleted: list[ObjectId] = []
    problems: list[str] = []
    for each in dropped:
        found = live.get(each.id)
        if found is None or keeps(found):
            continue
        if owner is not None and ownership_problems(found, owner.name, owner.namespace):
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
