import asyncio
from contextlib import asynccontextmanager

import pytest

from shared.events import Recorder, Severity
from shared.observe import metrics


class Sink:
    """Keeps what arrives; delivery waits for the gate, and fails for messages that say so."""

    def __init__(self, name="memory"):
        self.name = name
        self.gate = asyncio.Event()
        self.got = []

    def wants(self, event):
        return event.severity is not Severity.TRACE

    async def send(self, event):
        await self.gate.wait()
        if event.message == "fail":
            raise ConnectionError("down")
        self.got.append(event.message)


@asynccontextmanager
async def running(recorder):
    task = asyncio.create_task(recorder.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def dropped(sink):
    return metrics.events_dropped.labels(sink.name)._value.get()


async def test_events_of_one_object_keep_their_order_in_every_sink(event):
    one, other = Sink(), Sink()
    recorder = Recorder([one, other])
    async with running(recorder):
        for number in range(50):
            recorder.record(event(str(number)))
        one.gate.set()
        other.gate.set()
        await recorder.flush()
    assert one.got == other.got == [str(number) for number in range(50)]


async def test_an_unwanted_event_is_not_queued(event):
    sink = Sink()
    sink.gate.set()
    recorder = Recorder([sink])
    async with running(recorder):
        recorder.record(event(severity=Severity.TRACE))
        await recorder.flush()
    assert sink.got == []


async def test_the_oldest_events_that_are_no_errors_make_room(event):
    sink = Sink("full")
    recorder = Recorder([sink], capacity=4 * 3)
    for message, severity in (
        ("e1", "error"),
        ("i1", "info"),
        ("i2", "info"),
        ("e2", "error"),
        ("e3", "error"),
    ):
        recorder.record(event(message, Severity(severity)))
    assert dropped(sink) == 2
    recorder.record(event("i3"))
    assert dropped(sink) == 3
    recorder.record(event("e4", Severity.ERROR))
    assert dropped(sink) == 4
    sink.gate.set()
    async with running(recorder):
        await recorder.flush()
    assert sink.got == ["e2", "e3", "e4"]


async def test_a_failing_delivery_is_counted_and_the_next_ones_go_on(event):
    sink = Sink("failing")
    sink.gate.set()
    recorder = Recorder([sink])
    async with running(recorder):
        recorder.record(event("fail"))
        recorder.record(event("next"))
        await recorder.flush()
    assert sink.got == ["next"]
    assert dropped(sink) == 1


@pytest.mark.looptime
async def test_flushing_gives_up_after_five_seconds(event):
    recorder = Recorder([Sink()])
    async with running(recorder):
        recorder.record(event())
        started = asyncio.get_running_loop().time()
        await recorder.flush()
        assert asyncio.get_running_loop().time() - started == pytest.approx(5)


@pytest.mark.looptime
async def test_a_slow_sink_does_not_hold_up_another(event):
    slow, fast = Sink(), Sink()
    fast.gate.set()
    recorder = Recorder([slow, fast])
    async with running(recorder):
        recorder.record(event())
        await asyncio.sleep(1)
    assert fast.got == ["said"]
