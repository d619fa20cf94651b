"""The controller in virtual time: retries, intervals, order, parked turns."""

import asyncio
import random
from datetime import timedelta
from itertools import pairwise

import pytest

from shared.api import wire
from shared.kube.errors import Conflict, Invalid, Unreachable
from shared.observe import metrics
from shared.runtime.backoff import Backoff, jittered
from shared.runtime.outcome import Done, Failure, Stalled, Told, Waiting
from shared.runtime.settings import Settings, parse

pytestmark = pytest.mark.looptime

DONE = Done(None, "Succeeded", "fine")
FAILURE = Failure("BuildFailed", "broken")


def gaps(times):
    return [round(late - early, 2) for early, late in pairwise(times)]


def panics():
    return metrics.reconcile_panics.labels("kustomization")._value.get()


@pytest.mark.case("runtime-19")
async def test_failures_in_a_row_are_retried_later_and_later_until_one_success(world):
    one = world()
    one.answer("a", *[FAILURE] * 4, Done(timedelta(minutes=5), "Succeeded", "fine"), FAILURE, DONE)
    one.api.put("a")
    await asyncio.sleep(1000)
    assert gaps(one.script.times("a")) == [0.75, 1.5, 3, 6, 300, 0.75]


async def test_retries_wait_no_longer_than_the_maximum(world):
    one = world(max_retry=timedelta(seconds=2))
    one.answer("a", *[FAILURE] * 5)
    one.api.put("a")
    await asyncio.sleep(100)
    assert gaps(one.script.times("a")) == [0.75, 1.5, 2, 2, 2]


def test_very_many_failures_do_no_harm():
    backoff = Backoff(timedelta(milliseconds=750), timedelta(minutes=15))
    assert [backoff.next("key") for _ in range(2000)][-1] == 900


async def test_a_failure_may_name_its_own_delay(world):
    one = world()
    one.answer("a", Failure("BuildFailed", "broken", retry_after=timedelta(minutes=1)))
    one.api.put("a")
    await asyncio.sleep(100)
    assert gaps(one.script.times("a")) == [60]


async def test_a_failure_for_good_is_not_retried(world):
    one = world()
    one.answer("a", Stalled("InvalidPath", "no such path"))
    one.api.put("a")
    await asyncio.sleep(10_000)
    assert len(one.script.turns) == 1
    one.api.put("a", generation=2)
    await asyncio.sleep(1)
    assert len(one.script.turns) == 2


async def test_a_waiting_object_is_looked_at_again_without_backoff(world):
    one = world()
    waiting = Waiting("DependencyNotReady", "not yet", timedelta(seconds=30))
    one.answer("a", FAILURE, waiting, waiting, FAILURE, DONE)
    one.api.put("a")
    await asyncio.sleep(1000)
    assert gaps(one.script.times("a")) == [0.75, 30, 30, 0.75]


@pytest.mark.case("runtime-20")
async def test_intervals_are_spread_by_the_percentage(world):
    settings = parse(Settings, ["--interval-jitter-percentage=10"], {})
    one = world(jitter_percentage=settings.interval_jitter_percentage)
    one.answer("a", *[Done(timedelta(minutes=10), "Succeeded", "fine")] * 1001)
    one.api.put("a")
    await asyncio.sleep(1000 * 660 + 1)
    delays = gaps(one.script.times("a"))[:1000]
    assert len(delays) == 1000
    assert all(540 <= delay <= 660 for delay in delays)
    assert len(set(delays)) > 900
    assert min(delays) < 560
    assert max(delays) > 640


def test_without_a_percentage_the_interval_is_exact():
    assert jittered(timedelta(minutes=10), 0, random.uniform) == 600


@pytest.mark.parametrize(
    "answer",
    [
        Done(timedelta(0), "Succeeded", "fine"),
        Failure("BuildFailed", "broken", retry_after=timedelta(0)),
        Waiting("DependencyNotReady", "not yet", timedelta(0)),
        Stalled("InvalidPath", "no such path", timedelta(0)),
        Told(timedelta(0)),
    ],
    ids=lambda answer: type(answer).__name__,
)
async def test_after_a_wait_of_zero_only_a_change_brings_an_object_back(world, answer):
    one = world()
    one.answer("a", *[answer] * 10)
    one.api.put("a")
    await asyncio.sleep(10_000)
    assert len(one.script.turns) == 1
    one.api.put("a", generation=2)
    await asyncio.sleep(10_000)
    assert len(one.script.turns) == 2


def test_the_shortest_interval_is_more_than_none_however_it_is_spread():
    assert jittered(timedelta(microseconds=100), 99, lambda low, high: low) == 0.001


async def test_a_fresh_edit_comes_before_the_backlog(world):
    one = world(concurrent=1)

    async def slow(obj, turn):
        await asyncio.sleep(1)
        return DONE

    for number in range(500):
        one.answer(f"o{number}", slow)
        one.api.put(f"o{number}", initial=True)
    await asyncio.sleep(2.5)
    one.api.put("o499", generation=2)
    one.api.put("new")
    await asyncio.sleep(1000)
    order = [name for name, _ in one.script.turns]
    assert order[:5] == ["o0", "o1", "o2", "o499", "new"]
    assert len(order) == 501


async def test_a_retry_of_the_backlog_stays_behind_fresh_changes(world):
    one = world(concurrent=1)

    async def slow(obj, turn):
        await asyncio.sleep(10)
        return DONE

    one.answer("old", FAILURE)
    one.api.put("old", initial=True)
    await asyncio.sleep(0.1)
    one.answer("busy", slow)
    one.api.put("busy")
    await asyncio.sleep(5)
    one.api.put("fresh")
    await asyncio.sleep(100)
    assert [name for name, _ in one.script.turns] == ["old", "busy", "fresh", "old"]


async def test_an_exception_is_counted_reported_and_retried(world):
    one = world()
    before = panics()
    one.answer("a", RuntimeError("secret detail"), DONE)
    one.api.put("a")
    one.api.put("b")
    await asyncio.sleep(100)
    assert panics() == before + 1
    assert gaps(one.script.times("a")) == [0.75]
    assert len(one.script.times("b")) == 1
    assert "secret detail" not in str(one.api.patches)


@pytest.mark.parametrize("error", [Conflict(409, "Conflict", "modified"), Unreachable("no answer")])
async def test_trouble_with_the_api_server_is_no_panic(world, error):
    one = world()
    before = panics()
    one.api.refuse.append(error)
    one.api.put("a", finalizers=())
    await asyncio.sleep(100)
    assert panics() == before
    assert len(one.script.turns) == 1
    assert one.script.times("a")[0] >= 0.75


async def test_a_status_that_cannot_be_written_repeats_the_turn(world):
    one = world()
    one.api.refuse.append(Unreachable("no answer"))
    one.api.put("a")
    await asyncio.sleep(100)
    assert gaps(one.script.times("a")) == [0.75]
    assert one.api.status("a")["conditions"][0]["status"] == "True"


@pytest.mark.parametrize("finalizers", [("finalizers.fluxcd.io",), ()], ids=["of a status", "of a finalizer"])
async def test_after_a_long_outage_nobody_waits_longer_than_half_a_minute(world, finalizers):
    one = world()
    one.answer("a", *[FAILURE] * 1000)
    one.api.refuse.extend([Unreachable("no answer")] * 1000)
    one.api.put("a", finalizers=finalizers)
    await asyncio.sleep(3600)
    assert 100 < 1000 - len(one.api.refuse) < 130  # nor is the server besieged
    one.api.refuse.clear()
    ended = asyncio.get_running_loop().time()
    one.answer("a", FAILURE, DONE)
    await asyncio.sleep(100)
    first, second = [at for at in one.script.times("a") if at >= ended]
    assert first - ended <= 30
    assert second - first == pytest.approx(0.75)


async def test_a_good_result_that_nobody_may_write_is_tried_later_and_later(world):
    one = world()
    one.api.refuse.extend([Invalid(422, "Invalid", "refused")] * 8)
    one.api.put("a")
    await asyncio.sleep(1000)
    assert gaps(one.script.times("a")) == [0.75 * 2**number for number in range(8)]


async def test_failures_before_a_suspension_do_not_count_after_it(world):
    one = world()
    one.answer("a", *[FAILURE] * 5, DONE)
    one.api.put("a")
    await asyncio.sleep(10)
    one.api.put("a", generation=2, suspend=True)
    await asyncio.sleep(100)
    one.api.put("a", generation=3)
    await asyncio.sleep(100)
    assert gaps(one.script.times("a"))[-1] == 0.75


async def test_a_parked_turn_holds_no_slot(world):
    one = world(concurrent=1)
    gate = asyncio.Event()

    async def park(obj, turn):
        await turn.park(gate.wait())
        return DONE

    one.answer("parked", park)
    one.api.put("parked")
    await asyncio.sleep(1)
    one.api.put("other")
    await asyncio.sleep(1)
    assert one.api.status("other")["observedGeneration"] == 1
    assert one.api.status("parked")["observedGeneration"] == -1
    gate.set()
    await asyncio.sleep(1)
    assert one.api.status("parked")["observedGeneration"] == 1


async def test_a_wait_that_fails_while_it_is_ended_keeps_the_number_of_slots(world):
    one = world(concurrent=1, cancel_waits=True)

    async def stubborn():
        try:
            await asyncio.Event().wait()
        finally:
            raise TimeoutError("ended badly")

    async def park(obj, turn):
        return await turn.park(stubborn())

    one.answer("a", park, DONE)
    key = one.api.put("a")
    await asyncio.sleep(1)
    one.controller.trigger(key, "GitRepository/ns/s")
    await asyncio.sleep(100)
    assert len(one.script.turns) == 2
    assert one.controller._slots.busy == 0


async def test_something_new_ends_a_wait_and_the_next_turn_follows_at_once(world, events):
    one = world(cancel_waits=True)

    async def park(obj, turn):
        turn.progress("checking health")
        return await turn.park(asyncio.Event().wait())

    one.answer("a", park, DONE)
    key = one.api.put("a")
    await asyncio.sleep(60)
    one.controller.trigger(key, "GitRepository/ns/s")
    await asyncio.sleep(1)
    assert gaps(one.script.times("a")) == [60]
    canceled = [event for event in events.seen if event.reason == "HealthCheckCanceled"]
    assert [event.message for event in canceled] == [
        "Health checks canceled due to new reconciliation triggered by GitRepository/ns/s"
    ]
    messages = [
        condition["message"]
        for _, patch in one.api.patches
        for condition in patch.get("status", {}).get("conditions", ())
    ]
    assert "New reconciliation triggered by GitRepository/ns/s" in messages


@pytest.mark.parametrize("requests_cancel", [True, False])
async def test_a_mere_request_ends_a_wait_only_where_it_may(world, requests_cancel):
    one = world(cancel_waits=True, requests_cancel=requests_cancel)

    async def park(obj, turn):
        await turn.park(asyncio.sleep(60))
        return DONE

    one.answer("a", park, DONE)
    one.api.put("a")
    await asyncio.sleep(20)
    one.api.put("a", annotations={wire.REQUESTED_AT: "now"})
    await asyncio.sleep(200)
    assert gaps(one.script.times("a")) == [20 if requests_cancel else 60]
    assert one.api.objects["a"]["status"]["lastHandledReconcileAt"] == "now"


async def test_an_edit_ends_a_wait_also_where_a_mere_request_does_not(world):
    one = world(cancel_waits=True, requests_cancel=False)

    async def park(obj, turn):
        return await turn.park(asyncio.Event().wait())

    one.answer("a", park, DONE)
    one.api.put("a")
    await asyncio.sleep(20)
    one.api.put("a", generation=2)
    await asyncio.sleep(200)
    assert gaps(one.script.times("a")) == [20]


@pytest.mark.parametrize(
    ("answers", "ended"),
    [([False, False, True], 30), ([False, False, False], 60), (None, 10)],
    ids=["the-third-counts", "none-counts", "nobody-looks"],
)
async def test_a_write_to_what_an_object_refers_to_ends_a_wait_where_it_changes_something(
    world, answers, ended
):
    one = world(cancel_waits=True)
    rest = iter(answers or ())

    async def outdated():
        await asyncio.sleep(1)
        return next(rest)

    async def park(obj, turn):
        turn.outdated = outdated if answers else None
        await turn.park(asyncio.sleep(60))
        return DONE

    one.answer("a", park, DONE)
    key = one.api.put("a")
    for _ in range(3):
        await asyncio.sleep(10)
        one.controller.trigger_by_config(key, "ConfigMap/ns/values")
    await asyncio.sleep(200)
    gap = gaps(one.script.times("a"))[0]
    assert gap == (ended + 1 if answers and any(answers) else ended)


async def test_a_write_before_the_wait_counts_when_it_begins(world):
    one = world(cancel_waits=True)

    async def outdated():
        return True

    async def park(obj, turn):
        await asyncio.sleep(20)
        turn.outdated = outdated
        return await turn.park(asyncio.Event().wait())

    one.answer("a", park, DONE)
    key = one.api.put("a")
    await asyncio.sleep(10)
    one.controller.trigger_by_config(key, "ConfigMap/ns/values")
    await asyncio.sleep(200)
    assert gaps(one.script.times("a")) == [20]


async def test_a_suspension_ends_no_wait(world):
    one = world(cancel_waits=True)

    async def park(obj, turn):
        await turn.park(asyncio.sleep(60))
        return DONE

    one.answer("a", park, DONE)
    key = one.api.put("a")
    await asyncio.sleep(20)
    one.api.put("a", generation=2, suspend=True)
    one.controller.trigger(key, "GitRepository/ns/s")
    await asyncio.sleep(200)
    assert one.script.times("a") == [0]
    assert one.api.status("a")["conditions"][0]["status"] == "True"


async def test_without_the_gate_a_wait_goes_on_and_the_next_turn_comes_after(world):
    one = world()

    async def park(obj, turn):
        await turn.park(asyncio.sleep(60))
        return DONE

    one.answer("a", park, DONE)
    key = one.api.put("a")
    await asyncio.sleep(1)
    one.controller.trigger(key, "GitRepository/ns/s")
    await asyncio.sleep(200)
    assert gaps(one.script.times("a")) == [60]


async def test_a_key_has_never_two_turns_at_once(world):
    one = world()

    async def slow(obj, turn):
        await asyncio.sleep(10)
        return DONE

    one.answer("a", slow, slow)
    one.api.put("a")
    for generation in range(2, 6):
        await asyncio.sleep(1)
        one.api.put("a", generation=generation)
    await asyncio.sleep(100)
    assert gaps(one.script.times("a")) == [10]
    assert one.api.status("a")["observedGeneration"] == 5


async def test_progress_is_written_only_by_turns_that_last(world):
    one = world()

    async def work(seconds):
        await asyncio.sleep(seconds)
        return DONE

    async def quick(obj, turn):
        turn.progress("building")
        return await work(0.5)

    async def slow(obj, turn):
        turn.progress("building")
        return await work(5)

    one.answer("quick", quick)
    one.answer("slow", slow)
    one.api.put("quick")
    one.api.put("slow")
    await asyncio.sleep(100)
    assert sorted(name for name, _ in one.api.patches) == ["quick", "slow", "slow"]
    progress = next(patch for name, patch in one.api.patches if name == "slow")
    said = {each["type"]: (each["status"], each["message"]) for each in progress["status"]["conditions"]}
    assert said == {"Reconciling": ("True", "building"), "Ready": ("Unknown", "building")}


async def test_progress_is_written_although_it_is_made_while_older_one_is_on_its_way(world):
    async def slow(_obj, turn):
        turn.progress("building")
        await asyncio.sleep(1.2)
        turn.progress("checking health")
        await asyncio.sleep(10)
        return DONE

    one = world()
    one.api.latency = 0.5
    one.answer("a", slow)
    one.api.put("a")
    await asyncio.sleep(100)
    messages = [patch["status"]["conditions"][-1]["message"] for _, patch in one.api.patches]
    assert messages == ["building", "checking health", "fine"]


async def test_a_stopping_controller_lets_turns_finish_and_takes_no_new(world):
    one = world()

    async def slow(obj, turn):
        await asyncio.sleep(10)
        return DONE

    one.answer("a", slow)
    one.api.put("a")
    await asyncio.sleep(1)
    one.controller.stop()
    one.api.put("b")
    await one.stop()
    assert one.api.status("a")["observedGeneration"] == 1
    assert [name for name, _ in one.script.turns] == ["a"]


async def test_progress_that_is_on_its_way_at_the_end_of_a_turn_does_not_stay(world):
    async def slow(_obj, turn):
        turn.progress("working")
        await asyncio.sleep(1.2)
        return DONE

    one = world()
    one.answer("a", DONE, slow)
    one.api.put("a")
    await asyncio.sleep(10)
    before = one.api.status("a")
    one.api.latency = 0.5
    one.api.put("a", generation=1, annotations={"reconcile.fluxcd.io/requestedAt": "now"})
    await asyncio.sleep(10)
    messages = [str(patch) for _, patch in one.api.patches]
    assert any("working" in text for text in messages)
    assert one.api.status("a")["conditions"] == before["conditions"]
