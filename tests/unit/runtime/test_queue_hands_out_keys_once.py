"""The work queue against a simple model, and its waiting in virtual time."""

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.kube import ObjectKey
from shared.observe import metrics
from shared.runtime.queue import BACKLOG, LIVE, WorkQueue

A, B, C = (ObjectKey("ns", name) for name in "abc")


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop whose time moves only when the test says so."""

    now = 0.0

    def time(self):
        return self.now


class QueueAndModel(RuleBasedStateMachine):
    """What waits is a priority and a moment; adding again makes both only more urgent."""

    keys = st.sampled_from([A, B, C])

    @initialize()
    def start(self):
        self.loop = SteppedLoop()
        self.waiting = {}
        self.processing = set()
        self.again = {}

        async def make():
            return WorkQueue("model")

        self.queue = self.loop.run_until_complete(make())

    def teardown(self):
        self.loop.close()

    @rule(key=keys, priority=st.sampled_from([BACKLOG, LIVE]), after=st.sampled_from([0.0, 1.0, 5.0]))
    def add(self, key, priority, after):
        self.queue.add(key, priority=priority, after=after)
        where = self.again if key in self.processing else self.waiting
        self.merge(where, key, priority, self.loop.now + after)

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0]))
    def time_passes(self, seconds):
        self.loop.now += seconds

    @rule()
    def take(self):
        taken = self.queue.take()
        due = {key: priority for key, (priority, at) in self.waiting.items() if at <= self.loop.now}
        if not due:
            assert taken is None
            return
        key, priority, asked_at = taken
        assert asked_at <= self.loop.now
        assert priority == due[key] == max(due.values())
        del self.waiting[key]
        self.processing.add(key)

    @rule(data=st.data())
    def done(self, data):
        if self.processing:
            key = data.draw(st.sampled_from(sorted(self.processing)))
            self.queue.done(key)
            self.processing.remove(key)
            if key in self.again:
                self.merge(self.waiting, key, *self.again.pop(key))

    @invariant()
    def as_many_are_due(self):
        if hasattr(self, "queue"):
            assert len(self.queue) == sum(at <= self.loop.now for _, at in self.waiting.values())

    @staticmethod
    def merge(where, key, priority, at):
        known = where.get(key, (priority, at))
        where[key] = (max(priority, known[0]), min(at, known[1]))


QueueAndModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueueAgainstModel = QueueAndModel.TestCase


@pytest.fixture
async def queue():
    return WorkQueue("test")


async def test_equally_urgent_keys_come_in_their_order(queue):
    for key in (C, A, B, A):
        queue.add(key)
    assert [queue.take()[0] for _ in range(3)] == [C, A, B]
    assert queue.take() is None


async def test_a_key_that_is_processed_comes_back_after_it_is_done(queue):
    queue.add(A)
    queue.take()
    queue.add(A)
    assert queue.take() is None
    queue.done(A)
    assert queue.take()[:2] == (A, LIVE)


async def test_fresh_changes_come_before_the_backlog(queue):
    queue.add(A, priority=BACKLOG)
    queue.add(B)
    assert queue.take()[:2] == (B, LIVE)
    assert queue.take()[:2] == (A, BACKLOG)


@pytest.mark.looptime
async def test_waiting_ends_when_a_delayed_key_is_due(queue):
    loop = asyncio.get_running_loop()
    queue.add(A, after=600)
    queue.add(B, after=60)
    await queue.wait()
    assert loop.time() == pytest.approx(60)
    assert queue.take()[:2] == (B, LIVE)
    await queue.wait()
    assert loop.time() == pytest.approx(600)
    assert queue.take()[:2] == (A, LIVE)


@pytest.mark.looptime
async def test_a_change_ends_the_delay_of_a_key(queue):
    loop = asyncio.get_running_loop()
    queue.add(A, priority=BACKLOG, after=600)
    loop.call_later(5, queue.add, A)
    await queue.wait()
    assert loop.time() == pytest.approx(5)
    assert queue.take()[:2] == (A, LIVE)
    assert queue.take() is None


@pytest.mark.looptime
async def test_closing_ends_the_wait_and_hands_out_nothing(queue):
    asyncio.get_running_loop().call_later(1, queue.close)
    await queue.wait()
    queue.add(A)
    await queue.wait()
    assert queue.take() is None


@pytest.mark.looptime
async def test_the_last_time_that_somebody_asked_is_known():
    queue = WorkQueue("test")
    loop = asyncio.get_running_loop()
    start = loop.time()
    queue.add(A)
    queue.add(B, after=2.0)
    await asyncio.sleep(1.0)
    queue.add(A)
    await asyncio.sleep(9.0)
    asked = {taken.key: taken.asked_at - start for taken in (queue.take(), queue.take())}
    assert asked == {A: pytest.approx(1.0), B: pytest.approx(2.0)}
    queue.add(B)
    await asyncio.sleep(3.0)
    queue.done(B)
    assert queue.take().asked_at - start == pytest.approx(10.0)


async def test_an_early_turn_was_asked_for_no_later_than_now():
    queue = WorkQueue("test")
    queue.add(A, after=60.0)
    queue.add(A)
    assert queue.take().asked_at == pytest.approx(asyncio.get_running_loop().time())


@pytest.mark.looptime
async def test_metrics_tell_what_waits_and_how_long_work_has_lasted():
    queue = WorkQueue("shown")
    queue.add(A, priority=BACKLOG)
    queue.add(B)
    queue.add(C, after=60)
    assert shown("workqueue_depth", priority="-100") == 1
    assert shown("workqueue_depth", priority="0") == 1
    queue.take()
    await asyncio.sleep(5)
    queue.take()
    await asyncio.sleep(2)
    assert shown("workqueue_depth", priority="0") == shown("workqueue_depth", priority="-100") == 0
    assert shown("workqueue_unfinished_work_seconds") == 9
    assert shown("workqueue_longest_running_processor_seconds") == 7
    queue.done(B)
    assert shown("workqueue_longest_running_processor_seconds") == 2
    await asyncio.sleep(60)
    assert shown("workqueue_depth", priority="0") == 1
    queue.close()


def shown(name, **labels):
    return metrics.REGISTRY.get_sample_value(name, {"name": "shown", "controller": "shown", **labels})
