"""Events on their way to a real API server and to a receiver on loopback."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from shared.events import Event, KubernetesSink, NotificationSink, Recorder, Severity, Subject
from shared.observe import metrics
from shared.runtime.outcome import Done

REVISION = {"kustomize.toolkit.fluxcd.io/revision": "main@sha1:abc"}
ANNOUNCED = Done(timedelta(minutes=5), "ReconciliationSucceeded", "fine", announce=REVISION)


class Receiver:
    """Takes posts; answers once the gate is open."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.got = []

    async def handle(self, request):
        self.got.append(json.loads(await request.read()))
        await self.gate.wait()
        return web.Response(status=202)


@pytest.fixture
async def receiver(world):
    """Makes the world's events go to Kubernetes and to a receiver."""
    one = Receiver()
    application = web.Application()
    application.router.add_post("/", one.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        sink = NotificationSink(address, "kustomize-controller", "test", session)
        kubernetes = KubernetesSink(world.client, "kustomize-controller", "test", world.clock)
        world.events = Recorder([kubernetes, sink])
        yield one
        await world.stop()
    one.gate.set()
    await runner.cleanup()


async def kubernetes_events(world):
    events = await world.client.discovery.find("", "Event")
    return (await world.client.list(events, world.namespace))["items"]


async def test_a_finished_turn_is_told_to_both_with_the_annotations_of_its_object(world, receiver):
    receiver.gate.set()
    world.answer("a", ANNOUNCED)
    await world.create(annotations={"event.toolkit.fluxcd.io/team": "a", "other": "x"})
    await world.start()
    await world.eventually(lambda: receiver.got)
    await world.events.flush()
    (posted,) = receiver.got
    assert posted["metadata"] == REVISION | {"event.toolkit.fluxcd.io/team": "a"}
    assert (posted["severity"], posted["reason"]) == ("info", "ReconciliationSucceeded")
    (event,) = await kubernetes_events(world)
    assert event["metadata"]["annotations"] == posted["metadata"]
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "ReconciliationSucceeded", 1)
    assert event["involvedObject"] == posted["involvedObject"]
    assert event["source"] == {"component": "kustomize-controller"}


@pytest.mark.case("runtime-25")
async def test_a_trace_is_a_normal_event_and_is_not_posted(world, receiver):
    receiver.gate.set()
    await world.start()
    subject = Subject.of(await world.create())
    for severity in (Severity.TRACE, Severity.INFO):
        world.events.record(Event(subject, severity, "Told", severity.value, world.clock.now()))
    await world.events.flush()
    events = await kubernetes_events(world)
    assert {event["message"]: event["type"] for event in events} == {"trace": "Normal", "info": "Normal"}
    assert [posted["message"] for posted in receiver.got] == ["info"]


async def test_equal_events_are_counted_on_the_server_and_begin_anew_when_it_forgot_them(world, receiver):
    receiver.gate.set()
    await world.start()
    subject = Subject.of(await world.create())

    async def tell():
        world.events.record(Event(subject, Severity.ERROR, "BuildFailed", "broken", world.clock.now()))
        await world.events.flush()
        return [event for event in await kubernetes_events(world) if event["reason"] == "BuildFailed"]

    await tell()
    (event,) = await tell()
    assert (event["count"], event["type"]) == (2, "Warning")
    events = await world.client.discovery.find("", "Event")
    await world.client.delete(events, world.namespace, event["metadata"]["name"])
    (event,) = await tell()
    assert event["count"] == 1


@pytest.mark.case("runtime-27")
async def test_turns_do_not_wait_for_a_receiver_that_does_not_answer(world, receiver):
    queued = metrics.events_queued.labels("notification")
    before = queued._value.get()
    names = [f"o{number}" for number in range(100)]
    for name in names:
        world.answer(name, ANNOUNCED)
    await asyncio.gather(*(world.create(name) for name in names))
    await world.start()
    for name in names:
        await world.until(lambda obj: obj["status"]["observedGeneration"] == 1, name)
    # All turns have ended, and not one post was answered.
    assert not receiver.gate.is_set()
    assert queued._value.get() - before == 100
    receiver.gate.set()
    await world.eventually(lambda: queued._value.get() == before)
    assert {posted["involvedObject"]["name"] for posted in receiver.got} == set(names)
