"""A storage without room for an artifact."""

import random

from shared.testing.registry import LAYER, packed
from shared.testing.source import connected, run_source

LABEL = "full"


def noise(seed):
    return {"file": random.Random(seed).randbytes(700_000)}


async def test_it_is_told_and_ends_when_there_is_room_again(
    cluster, tmp_path, gate, store, folder, images_of
):
    for name in ("small", "large"):
        store.push(f"{folder}/{name}", "latest", layers=[(LAYER, packed(noise(name)))])
    with run_source(cluster, tmp_path, LABEL, disk="1m") as suite:
        async with connected(cluster) as client:
            images = images_of(client, suite, LABEL)
            await images.create("small", url=gate.url(f"{folder}/small"))
            first = await images.ready("small")
            await images.create("large", url=gate.url(f"{folder}/large"))
            obj = await images.fails("ArchiveOperationFailed", "No space left on device", "large")
            assert images.condition(obj, "StorageOperationFailed")["status"] == "True"
            assert (await images.reconcile("small"))["status"]["artifact"] == first["status"]["artifact"]
            await images.delete("small")
            await images.ready("large")
