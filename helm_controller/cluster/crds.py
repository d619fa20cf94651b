"""Definitions that come with a chart: created, on demand replaced, never deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from helm_controller.cluster.applying import Way
from helm_controller.cluster.objects import MANAGER, ClusterError, Placed, place
from helm_controller.cluster.waiting import Waiting
from shared.kube.client import KubeClient
from shared.kube.errors import AlreadyExists, KubeError
from shared.lang.json import JsonObject, mapping
from shared.ssa import ObjectId

_TIMEOUT: Final = timedelta(seconds=60)


async def apply_definitions(
    client: KubeClient,
    waiting: Waiting,
    definitions: Sequence[JsonObject],
    labels: Mapping[str, str],
    replacing: Way | None = None,
) -> None:
    """Brings definitions into the cluster and waits until they are served.

    Those that exist are left alone unless there is a way to replace them.

    Raises:
        ClusterError: one is refused, or isn't served in time.
    """
    try:
        objects = [await place(client, _labelled(obj, labels), "") for obj in definitions]
        written: dict[ObjectId, JsonObject] = {}
        for each in objects:
            live = await (replacing.write(each) if replacing else _created(client, each))
            if live is not None:
                written[each.id] = live
    except (KubeError, ClusterError) as error:
        raise ClusterError(f"failed to apply CustomResourceDefinitions: {error}") from error
    if not written:
        return
    try:
        await waiting.until_established(written, _TIMEOUT)
    except ClusterError as error:
        raise ClusterError(f"failed to apply CustomResourceDefinitions: {error}") from error
    client.discovery.invalidate()


async def _created(client: KubeClient, each: Placed) -> JsonObject | None:
    try:
        return await client.create(each.resource, each.obj, manager=MANAGER)
    except AlreadyExists:
        return None


def _labelled(obj: JsonObject, labels: Mapping[str, str]) -> JsonObject:
    metadata = mapping(obj.get("metadata"))
    return {**obj, "metadata": {**metadata, "labels": {**mapping(metadata.get("labels")), **labels}}}
