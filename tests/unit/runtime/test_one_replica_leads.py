"""Replicas that share one Lease in memory, in virtual time."""

import asyncio
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from shared.events import Recorder
from shared.kube.errors import AlreadyExists, Conflict, NotFound, Unreachable
from shared.observe import metrics
from shared.runtime.lease import LeadershipLost, Lease, LeaseTerms

pytestmark = pytest.mark.looptime


class LoopClock:
    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self):
        return asyncio.get_running_loop().time()


class LeaseServer:
    """One Lease; answers after `lag` seconds, or not at all while `down`."""

    def __init__(self):
        self.lease = None
        self.down = False
        self.lag = 0.0
        self.writes = 0

    async def _answer(self):
        await asyncio.sleep(self.lag)
        if self.down:
            raise Unreachable("no answer")

    async def get(self, resource, namespace, name):
        await self._answer()
        if self.lease is None:
            raise NotFound(404, "NotFound", name)
        return deepcopy(self.lease)

    async def create(self, resource, obj, *, manager):
        await self._answer()
        if self.lease is not None:
            raise AlreadyExists(409, "AlreadyExists", "it is there")
        obj["metadata"] |= {"resourceVersion": "1", "uid": "1"}
        self.lease = deepcopy(obj)
        return obj

    async def merge_patch(self, resource, namespace, name, patch, *, manager):
        await self._answer()
        if patch["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "modified")
        self.touch()
        self.lease["spec"] |= patch["spec"]
        return deepcopy(self.lease)

    def touch(self):
        self.writes += 1
        self.lease["metadata"]["resourceVersion"] = str(int(self.lease["metadata"]["resourceVersion"]) + 1)

    @property
    def holder(self):
        return self.lease["spec"]["holderIdentity"].partition("_")[0]


@pytest.fixture
def server():
    return LeaseServer()


@pytest.fixture
def replica(server):
    def make(host, *, release=True):
        seconds = (timedelta(seconds=number) for number in (35, 30, 5))
        terms = LeaseTerms("c-leader-election", "ns", *seconds, release)
        return Lease(server, terms, Recorder([]), LoopClock(), "c", host)

    return make


def now():
    return asyncio.get_running_loop().time()


async def test_the_first_leads_and_the_second_waits(server, replica):
    one, two = replica("one"), replica("two")
    await one.acquire()
    waiting = asyncio.create_task(two.acquire())
    holding = asyncio.create_task(one.hold())
    await asyncio.sleep(600)
    assert server.holder == "one"
    assert not waiting.done()
    assert not holding.done()
    for task in (waiting, holding):
        task.cancel()


async def test_of_two_that_come_at_once_one_wins(server, replica):
    server.lag = 0.1
    tasks = [asyncio.create_task(replica(host).acquire()) for host in ("one", "two")]
    await asyncio.sleep(20)
    assert sum(task.done() for task in tasks) == 1
    for task in tasks:
        task.cancel()


async def test_a_dead_leader_is_followed_when_its_lease_runs_out(server, replica):
    await replica("one").acquire()
    started = now()
    await replica("two").acquire()
    assert server.holder == "two"
    assert 35 < now() - started <= 45
    assert server.lease["spec"]["leaseTransitions"] == 1


async def test_a_released_lease_is_taken_at_the_next_try(server, replica):
    one = replica("one")
    await one.acquire()
    waiting = asyncio.create_task(replica("two").acquire())
    await asyncio.sleep(7)
    await one.release()
    assert server.holder == ""
    released = now()
    await waiting
    assert now() - released <= 5


async def test_without_release_on_cancel_the_lease_is_left_as_it_is(server, replica):
    one = replica("one", release=False)
    await one.acquire()
    await one.release()
    assert server.holder == "one"


async def test_a_server_that_hangs_does_not_hold_up_the_end(server, replica):
    one = replica("one")
    await one.acquire()
    started = now()
    server.lag = 3600
    await one.release()
    assert now() - started <= 5


def test_a_replica_that_stands_by_is_seen_as_such(replica):
    replica("one")
    shown = metrics.exposition()[0].decode()
    assert 'leader_election_master_status{name="c-leader-election"} 0.0' in shown


async def test_a_lease_that_never_was_ours_is_not_released(server, replica):
    await replica("one").acquire()
    await replica("two").release()
    assert server.holder == "one"


async def test_leadership_ends_when_the_server_is_away_too_long(server, replica):
    one = replica("one")
    await one.acquire()
    started = now()
    server.down = True
    with pytest.raises(LeadershipLost, match="could not be renewed in time"):
        await one.hold()
    assert 25 <= now() - started <= 30


async def test_leadership_ends_in_time_when_the_server_hangs(server, replica):
    """A request may take a minute; the lease is only good for half of one."""
    one = replica("one")
    await one.acquire()
    started = now()
    server.lag = 3600
    with pytest.raises(LeadershipLost):
        await one.hold()
    assert now() - started <= 30


async def test_a_short_outage_is_survived(server, replica):
    one = replica("one")
    await one.acquire()
    holding = asyncio.create_task(one.hold())
    server.down = True
    await asyncio.sleep(20)
    server.down = False
    await asyncio.sleep(600)
    assert not holding.done()
    holding.cancel()


async def test_leadership_ends_when_another_replica_holds_the_lease(server, replica):
    one = replica("one")
    await one.acquire()
    server.lease["spec"]["holderIdentity"] = "two_x"
    server.touch()
    writes = server.writes
    with pytest.raises(LeadershipLost, match="held by another replica"):
        await one.hold()
    await one.release()
    assert (server.holder, server.writes) == ("two", writes)


async def test_a_renewal_that_meets_a_conflict_does_not_count(server, replica):
    """Whoever wrote in between may have taken the lease over."""
    one = replica("one")
    await one.acquire()
    patch = server.merge_patch

    async def conflict(*args, **options):
        server.touch()
        return await patch(*args, **options)

    server.merge_patch = conflict
    with pytest.raises(LeadershipLost, match="could not be renewed in time"):
        await one.hold()
