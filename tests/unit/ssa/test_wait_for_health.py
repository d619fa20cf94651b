"""Waiting costs nothing when all is well, misses no change, and leaves no watch behind."""

import asyncio
from datetime import timedelta

import pytest

from shared.kube.errors import Forbidden, Gone, Unreachable
from shared.ssa import HealthCheckFailed, HealthWaiter, ObjectId, StillThere, wait_gone
from shared.ssa.watches import Pace, SharedWatches

pytestmark = pytest.mark.looptime

LONG, SHORT = timedelta(seconds=60), timedelta(milliseconds=30)


def job(name="a", *conditions, spec=None):
    found = [{"type": kind, "status": "True"} for kind in conditions]
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": spec or {},
        "status": {"conditions": found},
    }


A, B = ObjectId("n", "a", "batch", "Job"), ObjectId("n", "b", "batch", "Job")


async def until(claim):
    """Lets other tasks run until something holds."""
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110 - the cluster in memory has no events of its own
            await asyncio.sleep(0.001)  # of virtual time


class Wait:
    """A wait for jobs that runs beside the test."""

    def __init__(self, watches, memory, applied, ids=(), **options):
        waiter = HealthWaiter(watches)
        objects = {ObjectId.of(obj): obj for obj in applied}
        options = {"timeout": LONG} | options
        self.task = asyncio.create_task(waiter.wait(memory, ids or objects, objects, **options))

    async def failure(self):
        with pytest.raises(HealthCheckFailed) as caught:
            await self.task
        return str(caught.value)


async def test_no_request_when_all_is_current(watches, memory):
    await Wait(watches, memory, [memory.put(job("a", "Complete")), memory.put(job("b", "Complete"))]).task
    assert not memory.asked


async def test_nothing_to_wait_for(watches, memory):
    await HealthWaiter(watches).wait(memory, [], {}, timeout=SHORT)


async def test_one_watch_until_the_last_is_current(watches, memory):
    wait = Wait(watches, memory, [memory.put(job("a")), memory.put(job("b"))])
    await until(lambda: memory.open_watches)
    memory.put(job("b", "Complete"))
    memory.put(job("a", "Complete"))
    await wait.task
    await until(lambda: not memory.open_watches)
    assert memory.asked == {"watch": 1}


async def test_waits_share_a_watch_and_the_last_closes_it(watches, memory):
    first = Wait(watches, memory, [memory.put(job("a"))])
    second = Wait(watches, memory, [memory.put(job("b"))])
    await until(lambda: memory.open_watches)
    memory.put(job("a", "Complete"))
    await first.task
    assert len(watches) == 1
    memory.put(job("b", "Complete"))
    await second.task
    assert len(watches) == 0
    assert memory.asked == {"watch": 1}


async def test_who_waits_soon_after_another_finds_the_watch_open(memory):
    async with SharedWatches(Pace(linger=timedelta(seconds=10))) as watches:
        for name in ("a", "b"):
            wait = Wait(watches, memory, [memory.put(job(name))])
            await until(lambda: memory.open_watches)
            memory.put(job(name, "Complete"))
            await wait.task
            await asyncio.sleep(9)
            assert memory.open_watches == 1
        await asyncio.sleep(2)
        assert memory.open_watches == len(watches) == 0
        assert memory.asked == {"watch": 1}
        last = Wait(watches, memory, [memory.put(job("c"))])
        await until(lambda: memory.open_watches)
        memory.put(job("c", "Complete"))
        await last.task
        assert memory.asked == {"watch": 2}
    assert memory.open_watches == len(watches) == 0


async def test_what_nobody_used_for_a_while_is_known_to_who_comes_back(memory):
    async with SharedWatches(Pace(linger=timedelta(seconds=10))) as watches:
        applied = memory.put(job("b"))
        first = Wait(watches, memory, [memory.put(job("a"))])
        await until(lambda: memory.open_watches)
        memory.put(job("a", "Complete"))
        await first.task
        memory.put(job("b", "Complete"))
        await asyncio.sleep(1)
        await Wait(watches, memory, [applied]).task
        assert memory.asked == {"watch": 1}


async def test_a_watch_in_trouble_is_not_kept(memory):
    async with SharedWatches(Pace(linger=timedelta(seconds=10))) as watches:
        memory.refuse["watch"] = Unreachable("no route")
        wait = Wait(watches, memory, [memory.put(job("a"))], timeout=SHORT)
        assert "no route" in await wait.failure()
        assert len(watches) == 0


async def test_a_change_before_joining_is_not_missed(watches, memory):
    first = Wait(watches, memory, [memory.put(job("a"))])
    await until(lambda: memory.open_watches)
    applied = memory.put(job("b"))
    memory.put(job("b", "Complete"))
    await Wait(watches, memory, [applied]).task
    memory.put(job("a", "Complete"))
    await first.task
    assert memory.asked == {"watch": 1}


async def test_a_deletion_before_joining_is_not_missed(watches, memory):
    first = Wait(watches, memory, [memory.put(job("a"))])
    await until(lambda: memory.open_watches)
    applied = memory.put(job("b"))
    memory.remove(applied)
    second = Wait(watches, memory, [applied], timeout=SHORT)
    assert await second.failure() == "timeout waiting for: [Job/n/b status: 'NotFound']"
    memory.put(job("a", "Complete"))
    await first.task


async def test_an_older_picture_does_not_count(watches, memory):
    done = memory.put(job("b", "Complete"))
    first = Wait(watches, memory, [memory.put(job("a"))])
    await until(lambda: memory.open_watches)
    # The apply of a new generation returned before the watch tells of it.
    newer = job("b") | {"metadata": done["metadata"] | {"resourceVersion": str(memory.version + 10)}}
    second = Wait(watches, memory, [newer], timeout=SHORT)
    assert await second.failure() == "timeout waiting for: [Job/n/b status: 'InProgress']"
    memory.put(job("a", "Complete"))
    await first.task


async def test_a_failure_ends_the_wait_at_once(watches, memory):
    wait = Wait(watches, memory, [memory.put(job("b")), memory.put(job("a"))])
    await until(lambda: memory.open_watches)
    memory.put(job("a", "Failed"))
    assert await wait.failure() == "failed early due to stalled resources: [Job/n/a status: 'Failed']"


async def test_without_fail_fast_the_others_are_waited_for(watches, memory):
    applied = [memory.put(job("a", "Failed")), memory.put(job("b"))]
    wait = Wait(watches, memory, applied, fail_fast=False)
    await until(lambda: memory.open_watches)
    memory.put(job("b", "Failed"))
    assert await wait.failure() == (
        "failed early due to stalled resources: [Job/n/a status: 'Failed', Job/n/b status: 'Failed']"
    )


async def test_health_checks_of_objects_that_appear_later(watches, memory):
    wait = Wait(watches, memory, [], ids=[A])
    await until(lambda: memory.open_watches)
    memory.put(job("a"))
    memory.put(job("a", "Complete"))
    await wait.task


async def test_the_timeout_names_what_is_missing_in_order(watches, memory):
    wait = Wait(
        watches, memory, [memory.put(job("c"))], ids=[ObjectId("n", "c", "batch", "Job"), B, A], timeout=SHORT
    )
    assert await wait.failure() == (
        "timeout waiting for: [Job/n/a status: 'NotFound', "
        "Job/n/b status: 'NotFound', Job/n/c status: 'InProgress']"
    )


async def test_a_kind_that_is_not_served_is_unknown(watches, memory):
    wait = Wait(watches, memory, [], ids=[ObjectId("n", "x", "example.com", "Widget")], timeout=SHORT)
    assert await wait.failure() == (
        "timeout waiting for: [Widget/n/x status: 'Unknown': "
        'no matches for kind "Widget" in version "example.com"]'
    )


async def test_nothing_known_in_time(watches, memory):
    memory.refuse["watch"] = Unreachable("no route")
    wait = Wait(watches, memory, [], ids=[A], timeout=timedelta(0))
    assert await wait.failure() == "timeout waiting for: [can't determine status for Job/n/a]"


async def test_trouble_is_told(watches, memory):
    memory.refuse["watch"] = Unreachable("no route")
    assert await Wait(watches, memory, [], ids=[A], timeout=SHORT).failure() == (
        "timeout waiting for: [Job/n/a status: 'Unknown': no route]"
    )


async def test_a_namespace_is_needed_where_the_kind_has_one(watches, memory):
    wait = Wait(watches, memory, [], ids=[A._replace(namespace="")])
    assert await wait.failure() == "Job/a is namespaced, but no namespace is given"


async def test_a_job_that_cleaned_itself_up_is_done(watches, memory):
    applied = memory.put(job("a", spec={"ttlSecondsAfterFinished": 0}))
    wait = Wait(watches, memory, [applied])
    await until(lambda: memory.open_watches)
    memory.remove(applied)
    await wait.task


@pytest.mark.parametrize("error", [None, Gone(410, "Expired", "too old"), Unreachable("broken")])
async def test_a_watch_that_ends_is_opened_again(watches, memory, error):
    applied = memory.put(job("a"))
    wait = Wait(watches, memory, [applied])
    await until(lambda: memory.open_watches)
    memory.break_watches(error)
    await until(lambda: memory.asked["watch"] > 1)
    memory.put(job("a", "Complete"))
    await wait.task


async def test_a_deletion_between_two_watches_is_seen(watches, memory):
    applied = memory.put(job("a"))
    wait = Wait(watches, memory, [applied], timeout=timedelta(seconds=1))
    await until(lambda: memory.open_watches)
    memory.break_watches()
    memory.remove(applied)
    await until(lambda: memory.asked["watch"] > 1)
    assert "NotFound" in await wait.failure()


async def test_who_may_not_watch_reads(watches, memory):
    memory.refuse["watch"] = Forbidden(403, "Forbidden", "no watch")
    wait = Wait(watches, memory, [memory.put(job("a"))])
    await until(lambda: memory.asked["get"])
    memory.put(job("a", "Complete"))
    await wait.task
    assert memory.asked["watch"] == 1


async def test_who_joins_the_reading_is_not_taken_for_gone(watches, memory):
    memory.refuse["watch"] = Forbidden(403, "Forbidden", "no watch")
    first = Wait(watches, memory, [], ids=[A])
    await until(lambda: memory.asked["get"])
    memory.put(job("b"))
    second = asyncio.create_task(wait_gone(watches, memory, {B: "uid-b"}, timeout=SHORT))
    with pytest.raises(StillThere):
        await second
    memory.put(job("a", "Complete"))
    await first.task


async def test_who_may_not_even_read_is_told(watches, memory):
    memory.refuse |= {
        "watch": Forbidden(403, "Forbidden", "no"),
        "get": Forbidden(403, "Forbidden", "not yours"),
    }
    wait = Wait(watches, memory, [memory.put(job("a"))], timeout=SHORT)
    assert await wait.failure() == "timeout waiting for: [Job/n/a status: 'Unknown': not yours]"


async def test_a_cancelled_wait_leaves_nothing(watches, memory):
    wait = Wait(watches, memory, [memory.put(job("a"))])
    await until(lambda: memory.open_watches)
    wait.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait.task
    assert len(watches) == 0
    await until(lambda: not memory.open_watches)


async def test_a_programming_error_reaches_who_waits(watches, memory):
    memory.refuse["watch"] = RuntimeError("a bug")
    wait = Wait(watches, memory, [memory.put(job("a"))])
    with pytest.raises(RuntimeError, match="a bug"):
        await wait.task


async def test_a_crash_loop_fails_the_stateful_set(watches, memory):
    owner = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "n"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "db"}}},
    }
    wait = Wait(watches, memory, [memory.put(owner)])
    await until(lambda: memory.open_watches == 2)
    memory.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "db-0", "namespace": "n"},
            "status": {
                "phase": "Running",
                "containerStatuses": [{"name": "db", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
            },
        }
    )
    assert (
        await wait.failure() == "failed early due to stalled resources: [StatefulSet/n/db status: 'Failed']"
    )


async def test_deleted_objects_are_waited_for(watches, memory):
    a, b = memory.put(job("a")), memory.put(job("b"))
    task = asyncio.create_task(wait_gone(watches, memory, {A: "uid-a", B: "uid-b"}, timeout=LONG))
    await until(lambda: memory.open_watches)
    memory.remove(a)
    memory.remove(b)
    memory.put(job("b") | {"metadata": job("b")["metadata"] | {"uid": "another"}})
    await task


async def test_what_does_not_go_is_named(watches, memory):
    memory.put(job("a"))
    with pytest.raises(StillThere, match="timeout waiting for deletion of: Job/n/a"):
        await wait_gone(watches, memory, {A: "uid-a"}, timeout=SHORT)


async def test_what_was_waited_for_is_given_as_it_was_at_the_end(watches, memory):
    current, waiting = memory.put(job("a", "Complete")), memory.put(job("b"))
    wait = Wait(watches, memory, [current, waiting])
    await until(lambda: memory.open_watches)
    memory.put(job("b", "Complete"))
    newest = await wait.task
    assert list(newest) == [B]
    assert newest[B]["metadata"]["resourceVersion"] != waiting["metadata"]["resourceVersion"]
