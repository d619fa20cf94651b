"""Answers to those who post events."""

import asyncio
from email.utils import parsedate_to_datetime

import pytest

from notification_controller.serving import Call
from shared.observe import metrics

pytestmark = pytest.mark.looptime


def taken(result):
    return metrics.events_taken.labels(result)._value.get()


async def test_202_with_the_limits_whatever_becomes_of_the_event(world):
    world.alert("no-provider")
    async with world.running():
        for message in ("nobody", "somebody"):
            answer = await world.post(message)
            assert (answer.status, answer.body) == (202, b"")
            assert answer.headers["X-RateLimit-Limit"] == "1"
            assert answer.headers["X-RateLimit-Remaining"] == "0"
            assert answer.headers["X-RateLimit-Reset"] == "Thu, 01 Jan 2026 00:05:00 UTC"


async def test_429_for_an_equal_event_and_only_one_notification(world):
    world.provider()
    world.alert()
    async with world.running():
        assert (await world.post()).status == 202
        await asyncio.sleep(10)
        answer = await world.post(severity="error", reason="Other")
        await world.settle()
    assert (answer.status, answer.body.strip()) == (429, b"Too Many Requests")
    assert answer.headers["Retry-After"] == answer.headers["X-RateLimit-Reset"]
    assert parsedate_to_datetime(answer.headers["Retry-After"]).minute == 5
    assert world.services.messages() == ["said"]


async def test_an_equal_event_passes_again_in_the_next_window(world):
    world.provider()
    world.alert()
    async with world.running():
        for _ in range(3):
            assert (await world.post()).status == 202
            await asyncio.sleep(300)
        await world.settle()
    assert world.services.messages() == ["said"] * 3


async def test_400_for_what_is_no_event(world):
    before = taken("invalid")
    async with world.running():
        assert (await world.take(Call("POST", "/", {}, b"{"))).status == 400
    assert taken("invalid") == before + 1


async def test_503_before_everything_is_known_and_the_next_try_is_no_duplicate(world):
    world.provider()
    world.alert()
    world.synced = False
    async with world.running():
        assert (await world.post()).status == 503
        world.synced = True
        assert (await world.post()).status == 202
        await world.settle()
    assert world.services.messages() == ["said"]


async def test_503_once_the_queues_are_closed_and_the_event_was_never_seen(world):
    world.provider()
    world.alert()
    async with world.running():
        await world.deliveries.drain(8)
        assert (await world.post()).status == 503
        assert len(world.duplicates) == 0


async def test_an_event_that_could_not_be_dealt_with_was_never_seen(world):
    world.provider()
    world.alert(eventSources=[{"kind": "Kustomization", "name": "web", "matchLabels": {"a": "b"}}])
    world.api.fails = ValueError("a defect")
    async with world.running():
        with pytest.raises(ValueError, match="defect"):
            await world.post()
        assert len(world.duplicates) == 0


async def test_results_are_counted(world):
    world.provider()
    world.alert()
    before = {result: taken(result) for result in ("matched", "unmatched", "duplicate")}
    async with world.running():
        await world.post()
        await world.post()
        await world.post(kind="HelmRelease")
        await world.settle()
    assert {result: taken(result) - before[result] for result in before} == dict.fromkeys(before, 1)


async def test_a_service_that_hangs_holds_up_no_sender(world):
    world.provider(timeout="1m")
    world.alert()

    async def hang(_):
        await asyncio.sleep(3600)

    world.services.scripts["chat"] = hang
    async with world.running():
        started = world.clock.monotonic()
        for number in range(100):
            assert (await world.post(str(number))).status == 202
        assert world.clock.monotonic() == pytest.approx(started, abs=0.1)
