"""Finalizers of Providers and Alerts, and turns that go wrong."""

import asyncio

import pytest

from shared.kube.errors import Conflict, Unreachable
from shared.observe import metrics

pytestmark = pytest.mark.looptime

OURS = "finalizers.fluxcd.io"


async def test_a_provider_gets_one_and_loses_it_when_it_is_deleted(world):
    async with world.tended():
        world.provider(finalizers=["other"])
        world.provider("resting", suspend=True)
        await asyncio.sleep(1)
        assert world.patches == [("Provider", "chat", ["other", OURS]), ("Provider", "resting", [OURS])]
        world.provider(finalizers=["other", OURS], deleting=True)
        world.provider("resting", finalizers=[OURS], deleting=True)
        await asyncio.sleep(1)
    assert world.patches[2:] == [("Provider", "chat", ["other"]), ("Provider", "resting", [])]
    assert ("Provider", "resting") not in world.objects


async def test_a_deleted_provider_leaves_no_series_of_tokens(world):
    async with world.tended():
        world.provider()
        await asyncio.sleep(1)
        metrics.token_cache_events.labels("cache_hit", "Provider", "chat", "ns", "post").inc()
        world.remove("Provider", "chat")
        await asyncio.sleep(1)
    assert 'name="chat",namespace="ns",operation="post"' not in metrics.exposition()[0].decode()


async def test_an_alert_loses_an_old_one_once(world):
    async with world.tended():
        world.provider(finalizers=[OURS])
        world.alert(finalizers=[OURS, "other"])
        world.alert("new")
        await asyncio.sleep(1)
    assert world.patches == [("Alert", "alert", ["other"])]
    assert world.texts("alert") == ["Migration: removed finalizer from Alert to migrate to static Alert"]


async def test_a_suspended_alert_keeps_it_until_it_is_resumed_or_deleted(world):
    async with world.tended():
        world.provider(finalizers=[OURS])
        world.alert("resumed", finalizers=[OURS], suspend=True)
        world.alert("deleted", finalizers=[OURS], suspend=True)
        await asyncio.sleep(1)
        assert world.patches == []
        world.alert("resumed", finalizers=[OURS])
        world.alert("deleted", finalizers=[OURS], suspend=True, deleting=True)
        await asyncio.sleep(1)
    assert sorted(world.patches) == [("Alert", "deleted", []), ("Alert", "resumed", [])]


@pytest.mark.parametrize(
    "error", [Conflict(409, "Conflict", "changed"), Unreachable("away"), KeyError("a defect")], ids=repr
)
async def test_what_goes_wrong_is_tried_again_and_costs_no_other_its_turn(world, error):
    world.refuse = [error, error]
    async with world.tended():
        world.provider()
        world.provider("other", finalizers=[OURS])
        await asyncio.sleep(10)
    assert world.patches == [("Provider", "chat", [OURS])]


async def test_what_was_there_before_is_tended_as_well(world):
    async with world.tended():
        world.provider(initial=True)
        await asyncio.sleep(1)
    assert world.patches == [("Provider", "chat", [OURS])]
