"""Takes the objects of a release out of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from helm_controller.cluster.applying import Owner
from helm_controller.cluster.objects import Placed, belongs_to_other, known_now, live_objects
from helm_controller.cluster.order import remove_sorted
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NotFound
from shared.ssa import ObjectId


@dataclass(slots=True)
class Removed:
    """What was asked to go, with the uids it had; and why some of it could not be."""

    uids: dict[ObjectId, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    kept: list[ObjectId] = field(default_factory=list)


async def remove(
    client: KubeClient, objects: Sequence[Placed], owner: Owner, *, propagation: str = "background"
) -> Removed:
    """Deletes the objects in the order of removal.

    What its manifest wants to be kept stays, and what carries the marks of another release.

    Raises:
        ClusterError: one can't be read.
    """
    removed = Removed()
    going = remove_sorted(await known_now(client, [each for each in objects if not each.stays]))
    removed.kept = [each.id for each in objects if each.stays]
    live = await live_objects(client, going)
    for each in going:
        found = live.get(each.id)
        if found is None:
            continue
        if belongs_to_other(found, owner.name, owner.namespace):
            removed.kept.append(each.id)
            continue
        uid = str(found["metadata"]["uid"])
        try:
            await client.delete(
                each.resource,
                each.id.namespace or None,
                each.id.name,
                propagation=propagation.capitalize(),
                uid=uid,
            )
            removed.uids[each.id] = uid
        except NotFound:
            continue
        except KubeError as error:
            removed.problems.append(f"{each.text}: {error}")
    return removed
