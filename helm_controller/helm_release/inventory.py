"""The objects of a release as its HelmRelease lists them, for whoever shows or counts them."""

from __future__ import annotations

from collections.abc import Iterable

from helm_controller.cluster.objects import place
from helm_controller.release.manifest import objects_in
from helm_controller.release.model import Release
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import split_api_version
from shared.lang.json import JsonObject
from shared.ssa import Entry, Inventory, ObjectId


async def inventory_of(
    client: KubeClient, release: Release, definitions: Iterable[JsonObject]
) -> tuple[Inventory, list[str]]:
    """What a release and the definitions of its chart have brought, and what is not certain about it.

    An object of whose kind the cluster tells nothing has the namespace of its manifest there.

    Raises:
        ManifestError: the manifest of the release is no list of objects.
    """
    entries: list[Entry] = []
    doubts: list[str] = []
    for obj in objects_in(release.manifest):
        try:
            placed = await place(client, obj, release.namespace)
        except KubeError as error:
            entries.append(_as_told(obj))
            if not obj["metadata"].get("namespace"):
                what = f"failed to determine if {obj['kind']} is namespace scoped, skipping namespace"
                doubts.append(f"{what}: {error}")
        else:
            entries.append(Entry(placed.id, placed.resource.version))
    entries += map(_as_told, definitions)
    return Inventory.gather(entries), list(dict.fromkeys(doubts))


def _as_told(obj: JsonObject) -> Entry:
    return Entry(ObjectId.of(obj), split_api_version(str(obj.get("apiVersion") or ""))[1])
