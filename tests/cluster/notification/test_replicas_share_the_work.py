"""Several replicas: one tends Alerts and Providers, all take events."""

import asyncio

import pytest

from shared.testing.notifications import EventServer


@pytest.fixture
async def replicas(world, suite, namespace):
    """Two that want the same lease."""
    servers = [
        EventServer(suite, "--enable-leader-election", name=f"replica-{number}-{namespace}")
        for number in range(2)
    ]
    usual = world.server
    for server in servers:
        server.process.launch()
        await asyncio.to_thread(server.process.await_ready)
    yield servers
    world.server = usual
    for server in servers:
        assert await asyncio.to_thread(server.process.stop) == 0, server.process.tail()


async def test_each_replica_tells_of_what_it_is_told(world, replicas):
    await world.provider()
    await world.alert()
    for server in replicas:
        world.server = server
        await world.seen("Alert", "alert")
        assert (await world.post()).status == 202
    # What is known of duplicates is each replica's own.
    assert len(await world.told(2)) == 2
    started = [server for server in replicas if '"msg":"started"' in server.process.log.read_text()]
    assert len(started) == 1


async def test_a_process_for_one_namespace_knows_no_alerts_of_others(world):
    await world.provider()
    await world.alert()
    with world.own("--watch-all-namespaces=false") as server:
        await asyncio.to_thread(server.process.await_ready)
        assert (await world.post()).status == 202
        counted = await asyncio.to_thread(server.process.metrics)
        assert 'headrace_events_total{result="unmatched"} 1.0' in counted
        assert 'headrace_events_total{result="matched"}' not in counted
        assert f'exported_namespace="{world.namespace}"' not in counted
    assert (await world.post()).status == 202
    assert len(await world.told()) == 1
