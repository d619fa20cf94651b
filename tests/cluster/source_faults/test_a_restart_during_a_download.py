"""A process that ends while it waits for the rest of a download."""

import asyncio

import pytest

from shared.testing.source import connected, run_source

LABEL = "restart"


class Barrier(asyncio.Event):
    """Holds whoever waits for it, and says that somebody does."""

    def __init__(self):
        super().__init__()
        self.reached = asyncio.Event()

    async def wait(self):
        self.reached.set()
        return await super().wait()


@pytest.mark.parametrize("way", ["kill", "stop"])
async def test_the_next_process_begins_anew(cluster, tmp_path, gate, store, folder, images_of, way):
    store.push(f"{folder}/app", "latest", {"file": "content"})
    barrier = Barrier()

    def hold_the_layer(request):
        if request.method == "GET" and "/manifests/" in request.path:
            gate.hold = barrier

    with run_source(cluster, tmp_path, LABEL) as suite:
        async with connected(cluster) as client:
            images = images_of(client, suite, LABEL)
            gate.fault = hold_the_layer
            await images.create(url=gate.url(f"{folder}/app"))
            await asyncio.wait_for(barrier.reached.wait(), 30)
            assert gate.seen("GET", "/blobs/") == 1
            await asyncio.to_thread(getattr(suite.process, way))
            left = [path for path in suite.storage.rglob("*") if path.is_file()]
            gate.fault = gate.hold = None
            barrier.set()
            await asyncio.to_thread(suite.process.start)
            obj = await images.ready()
            assert await images.files(obj) == {"file": b"content"}
    assert left == []
