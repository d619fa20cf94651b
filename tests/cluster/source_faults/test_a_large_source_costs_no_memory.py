"""Memory doesn't grow with what is fetched."""

import random

import pytest

from shared.testing.registry import LAYER, packed
from shared.testing.source import connected, run_source

LABEL = "large"
MIB = 1 << 20
SIZE = 200 * MIB


@pytest.mark.parametrize("operation", ["extract", "copy"])
async def test_a_large_layer_passes_through(cluster, tmp_path, gate, store, folder, images_of, operation):
    block = random.Random(0).randbytes(MIB // 2) + bytes(MIB // 2)
    files = {f"file-{number}": block * 20 for number in range(SIZE // MIB // 20)}
    store.push(f"{folder}/warm", "latest", {"file": "content"})
    store.push(f"{folder}/large", "latest", layers=[(LAYER, packed(files))])
    with run_source(cluster, tmp_path, LABEL) as suite:
        async with connected(cluster) as client:
            images = images_of(client, suite, LABEL)
            await images.create("warm", url=gate.url(f"{folder}/warm"))
            await images.ready("warm")
            before = suite.process.usage.resident
            selector = {"operation": operation}
            await images.create("large", url=gate.url(f"{folder}/large"), layerSelector=selector)
            obj = await images.ready("large")
            assert obj["status"]["artifact"]["size"] > SIZE // 4
            assert suite.process.usage.peak - before < 64 * MIB
