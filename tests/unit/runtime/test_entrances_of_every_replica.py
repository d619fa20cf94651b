"""In which order the parts of a process begin and end, whether it leads or not."""

import asyncio
import gc

import pytest

from shared.events import Recorder
from shared.observe.http import Readiness
from shared.runtime.manager import Manager, Parts

pytestmark = pytest.mark.looptime


@pytest.fixture(autouse=True)
def collector():
    """A process sets the garbage collector up for itself."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Stage:
    """Parts that write down what they do."""

    def __init__(self):
        self.log = []
        self.granted = asyncio.Event()
        self.seconds = None

    def part(self, name):
        return Part(self, name)

    def leadership(self):
        return Leadership(self)

    def parts(self, **more):
        async def drain(seconds):
            self.seconds = seconds
            self.log.append("drained")

        return Parts(
            recorder=Recorder([]),
            shared_informers=(self.part("shared cache"),),
            informers=(self.part("cache"),),
            controllers=(self.part("controller"),),
            servers=(self.part("health"),),
            entrances=(self.part("entrance"),),
            drain=(drain,),
            **more,
        )


class Part:
    """A server, an informer or a controller."""

    def __init__(self, stage, name):
        self.stage, self.name, self.kind = stage, name, name
        self.synced = asyncio.Event()
        self.ended = asyncio.Event()

    async def start(self):
        self.stage.log.append(f"{self.name} opened")

    async def _stopped(self):
        self.stage.log.append(f"{self.name} closed")

    def stop(self):
        if self.name == "controller":
            self.stage.log.append("controller stopped")
            self.ended.set()
            return None
        return self._stopped()

    async def run(self):
        self.stage.log.append(f"{self.name} runs")
        self.synced.set()
        await self.ended.wait()


class Leadership:
    def __init__(self, stage):
        self._stage = stage

    async def acquire(self):
        await self._stage.granted.wait()
        self._stage.log.append("leads")

    async def hold(self):
        await asyncio.sleep(3600)

    async def release(self):
        self._stage.log.append("released")


async def played(parts, during):
    manager = Manager(parts)
    task = asyncio.create_task(manager.run())
    await asyncio.sleep(1)
    await during()
    manager.stop()
    await task


async def test_a_replica_that_does_not_lead_takes_what_comes_in_and_works_it_off():
    stage = Stage()

    async def nothing():
        assert sorted(stage.log) == ["entrance opened", "health opened", "shared cache runs"]

    await played(stage.parts(leadership=stage.leadership()), nothing)
    assert stage.log[3:] == ["entrance closed", "drained", "health closed"]


async def test_the_leader_works_as_well_and_closes_the_entrance_first():
    stage = Stage()

    async def lead():
        stage.granted.set()
        await asyncio.sleep(1)

    await played(stage.parts(leadership=stage.leadership()), lead)
    assert stage.log[3:6] == ["leads", "cache runs", "controller runs"]
    ends = stage.log[6:]
    assert sorted(ends[:3]) == ["controller stopped", "drained", "entrance closed"]
    assert ends.index("entrance closed") < ends.index("drained")
    assert ends[3:] == ["released", "health closed"]


async def test_an_entrance_that_can_not_open_ends_the_process():
    stage = Stage()
    parts = stage.parts()

    async def taken():
        raise OSError("address in use")

    parts.entrances[0].start = taken
    with pytest.raises(BaseExceptionGroup) as caught:
        await Manager(parts).run()
    assert caught.group_contains(OSError, match="address in use")


async def test_entrances_close_at_the_same_time_and_what_they_take_is_missing_for_the_rest():
    stage = Stage()
    parts = stage.parts()
    slow = [stage.part("slow"), stage.part("slow too")]

    for entrance in slow:
        entrance.stop = lambda: asyncio.sleep(5)

    async def nothing():
        pass

    parts.entrances = (*slow, *parts.entrances)
    await played(parts, nothing)
    assert stage.seconds == pytest.approx(3)


async def test_who_closes_too_slowly_leaves_nothing_of_the_time():
    stage = Stage()
    parts = stage.parts()
    parts.entrances[0].stop = lambda: asyncio.sleep(20)

    async def nothing():
        pass

    await played(parts, nothing)
    assert stage.seconds == 0


def test_a_process_is_ready_once_all_needs_are_met():
    readiness, met = Readiness(), []
    assert readiness.ready
    readiness.needs(lambda: bool(met))
    assert not readiness.ready
    met.append(1)
    assert readiness.ready
