"""Objects that are only there to be read have no finalizer, no status and no turn."""

from shared.runtime.controller import Controller
from shared.runtime.outcome import Failure


class Prunes:
    """Objects with `prune` rest."""

    def __init__(self, failures=0):
        self.failures = failures
        self.retired = []

    def rests(self, raw):
        return raw["spec"]["prune"] is True

    async def retire(self, key, raw):
        self.retired.append(key.name)
        if self.failures:
            self.failures -= 1
            raise Failure("RemovalFailed", "busy")


def bare(obj):
    return obj.get("status") == {} and not obj["metadata"].get("finalizers")


async def start(world, monkeypatch, resting):
    begin = Controller.__init__
    monkeypatch.setattr(Controller, "__init__", lambda self, *rest: begin(self, *rest, resting))
    await world.start()


async def test_a_new_object_that_rests_is_left_bare(world, monkeypatch):
    await start(world, monkeypatch, Prunes())
    await world.create(prune=True)
    await world.until(bare)
    await world.rest()
    assert "a" not in world.script.turns
    await world.delete()


async def test_an_object_that_comes_to_rest_loses_what_it_had(world, monkeypatch):
    resting = Prunes(failures=1)
    await start(world, monkeypatch, resting)
    await world.create()
    await world.until(lambda obj: obj["status"]["observedGeneration"] == 1)
    await world.edit({"spec": {"prune": True}})
    await world.until(bare)
    assert resting.retired == ["a", "a"]
    await world.edit({"spec": {"prune": False}})
    await world.until(lambda obj: obj["status"]["observedGeneration"] == 3)
    assert world.script.turns == ["a", "a"]


async def test_a_suspended_object_keeps_what_it_had_until_it_is_deleted(world, monkeypatch):
    await start(world, monkeypatch, Prunes())
    await world.create()
    before = await world.until(lambda obj: obj["status"]["observedGeneration"] == 1)
    await world.edit({"spec": {"prune": True, "suspend": True}})
    await world.rest()
    after = await world.get()
    assert after["status"] == before["status"]
    assert after["metadata"]["finalizers"] == before["metadata"]["finalizers"]
    await world.delete()
    await world.eventually(lambda: world.key() not in world.informer.store)
