"""Queues and workers: order, bounds, failures, and the end of the process."""

import asyncio

import pytest
from structlog.testing import capture_logs

from notification_controller.delivery import Unusable
from shared.observe import metrics

pytestmark = pytest.mark.looptime


def dropped(kind="slack"):
    return metrics.notifications_dropped.labels(kind)._value.get()


@pytest.fixture
def slow(world):
    """Makes posts to a Provider wait; gives how many are under way."""

    def script(name="chat"):
        gate = asyncio.Event()

        async def wait(notification):
            under_way.append(notification.event.message)
            await gate.wait()

        under_way = []
        world.services.scripts[name] = wait
        return under_way, gate

    return script


async def test_events_of_one_object_keep_their_order_and_others_pass_them(world, slow):
    world.provider(timeout="1m")
    world.alert()
    under_way, gate = slow()
    async with world.running():
        for number in range(3):
            await world.post(f"web {number}", name="web")
        await world.post("api", name="api")
        await asyncio.sleep(1)
        assert under_way == ["web 0", "api"]
        gate.set()
        await world.settle()
    assert [each for each in world.services.messages() if each != "api"] == ["web 0", "web 1", "web 2"]


async def test_only_so_many_deliveries_of_a_provider_are_under_way(world, slow):
    world.provider(timeout="1m")
    world.alert()
    under_way, gate = slow()
    async with world.running(workers=3):
        for number in range(10):
            await world.post("said", name=f"app-{number}")
        await asyncio.sleep(1)
        assert len(under_way) == 3
        gate.set()
        await world.settle()
    assert len(world.services.posted) == 10


async def test_a_provider_that_hangs_holds_up_no_other(world, slow):
    for name in ("chat", "hook"):
        world.provider(name, timeout="1m")
        world.alert(name, providerRef={"name": name})
    slow("chat")
    async with world.running():
        for number in range(20):
            await world.post("said", name=f"app-{number}")
        await asyncio.sleep(0.1)
        assert len(world.services.got("hook")) == 20
        assert not world.services.got("chat")


async def test_a_full_queue_drops_the_oldest_that_is_no_error(world, slow):
    world.provider(timeout="1m")
    world.alert()
    _under_way, gate = slow()
    before = dropped()
    async with world.running(workers=1, capacity=3):
        await world.post("under way", name="first")
        await asyncio.sleep(1)
        for message, severity in [
            ("a", "info"),
            ("b", "error"),
            ("c", "info"),
            ("d", "error"),
            ("e", "info"),
        ]:
            await world.post(message, severity=severity, name=message)
        gate.set()
        await world.settle()
    assert world.services.messages() == ["under way", "b", "d", "e"]
    assert dropped() == before + 2


async def test_the_queue_is_told_in_metrics_and_forgotten_with_the_last_delivery(world, slow):
    world.provider(timeout="1m")
    world.alert()
    _, gate = slow()
    series = 'headrace_notification_queue_depth{name="chat",namespace="apps"}'
    async with world.running(workers=1):
        for number in range(3):
            await world.post(str(number))
        await asyncio.sleep(1)
        assert f"{series} 2.0" in metrics.exposition()[0].decode()
        gate.set()
        await world.settle()
    assert series not in metrics.exposition()[0].decode()


async def test_a_failure_is_told_on_the_alert_and_the_next_delivery_goes_on(world, refuse):
    world.provider()
    world.alert()
    world.services.scripts["chat"] = refuse("request failed with status code 400: bad")
    async with world.running():
        await world.post("one")
        await world.settle()
        del world.services.scripts["chat"]
        await world.post("two")
        await world.settle()
    assert world.services.messages() == ["two"]
    assert world.recorder.texts("alert") == [
        (
            "NotificationDispatchFailed: failed to send notification for Kustomization/apps/web: "
            "request failed with status code 400: bad"
        )
    ]


async def test_a_provider_that_cannot_be_opened_is_told_as_not_dispatched(world):
    world.provider()
    world.alert()

    async def missing(_):
        raise Unusable("failed to get secret 'apps/token': not found")

    world.services.shut["chat"] = missing
    async with world.running():
        await world.post()
        await world.settle()
    assert world.recorder.texts("alert") == [
        (
            "NotificationDispatchFailed: failed to dispatch notification for Kustomization/apps/web: "
            "failed to initialize notifier for provider 'chat': failed to get secret 'apps/token': not found"
        )
    ]


async def test_a_delivery_that_takes_too_long_is_ended(world, slow):
    world.provider(timeout="30s")
    world.alert()
    slow()
    async with world.running():
        await world.post()
        await world.settle()
        assert 30 <= world.clock.monotonic() < 40
    (text,) = world.recorder.texts("alert")
    assert text.endswith("no answer within 30s (spec.timeout)")


async def test_opening_that_takes_too_long_is_ended(world):
    world.provider(timeout="30s")
    world.alert()

    async def hang(_):
        await asyncio.sleep(3600)

    world.services.shut["chat"] = hang
    async with world.running():
        await world.post()
        await world.settle()
    (text,) = world.recorder.texts("alert")
    assert "failed to dispatch notification" in text
    assert text.endswith("it takes longer than 30s (spec.timeout)")


async def test_a_defect_of_ours_is_told_without_its_text(world):
    world.provider()
    world.alert()

    async def defect(_):
        raise KeyError("a secret")

    world.services.scripts["chat"] = defect
    async with world.running():
        await world.post("one")
        await world.post("two")
        await world.settle()
    assert len(world.recorder.texts("alert")) == 2
    assert "a secret" not in str(world.recorder.texts("alert"))
    assert "internal error (KeyError)" in world.recorder.texts("alert")[0]


async def test_a_burst_opens_the_door_once_and_a_failure_opens_it_anew(world, refuse):
    world.provider()
    world.alert()
    async with world.running():
        for number in range(10):
            await world.post(str(number), name=f"app-{number}")
        await world.settle()
        assert world.services.opened == ["chat"]
        world.services.scripts["chat"] = refuse("token expired")
        await world.post("a")
        await world.settle()
        await world.post("b")
        await world.settle()
    assert world.services.opened == ["chat"] * 3


async def test_a_changed_provider_is_opened_anew(world, slow):
    world.provider(timeout="1m")
    world.alert()
    _, gate = slow()
    async with world.running(workers=1):
        await world.post("one")
        await world.post("two")
        await asyncio.sleep(1)
        world.provider(timeout="2m")
        gate.set()
        await world.settle()
    assert world.services.opened == ["chat", "chat"]


async def test_what_waits_for_a_provider_that_goes_is_told_and_for_a_suspended_one_is_not(world, slow):
    world.provider(timeout="1m")
    world.alert()
    _, gate = slow()
    async with world.running(workers=1):
        for number in range(3):
            await world.post(str(number))
        await asyncio.sleep(1)
        world.provider(suspend=True)
        gate.set()
        await world.settle()
        assert world.recorder.events == []
        world.remove(world.providers, next(iter(world.providers.store)))
        await world.post("gone")
        await world.settle()
    assert world.services.messages() == ["0"]
    (text,) = world.recorder.texts("alert")
    assert "failed to read provider" in text


async def test_at_the_end_what_waits_is_delivered(world):
    world.provider()
    world.alert()

    async def takes_a_while(_):
        await asyncio.sleep(0.1)

    world.services.scripts["chat"] = takes_a_while
    async with world.running():
        for number in range(20):
            await world.post(str(number))
        await world.deliveries.drain(8)
        assert len(world.services.posted) == 20


async def test_at_the_end_nobody_is_waited_for_without_end(world, slow):
    world.provider(timeout="5m")
    world.alert()
    slow()
    before = dropped()
    with capture_logs() as logs:
        async with world.running():
            for number in range(5):
                await world.post(str(number))
            await asyncio.sleep(1)
            started = world.clock.monotonic()
            await world.deliveries.drain(6)
            assert world.clock.monotonic() - started == pytest.approx(6, abs=0.5)
    # The one that was under way, and those that waited for it.
    assert dropped() == before + 5
    told = [entry["event"] for entry in logs if "dropped" in entry["event"]]
    assert told == ["notification dropped, the controller stops"] * 5
