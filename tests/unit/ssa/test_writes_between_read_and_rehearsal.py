"""An object that somebody writes between our read and our rehearsal is read again, so their write is not
ours.
"""

from shared.ssa import Action, ApplyOptions, ObjectId, Policies, plan

OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "ns", "name": "a", "uid": "u"}}
OPTIONS = ApplyOptions("manager", Policies("example.com"))


async def test_it_is_compared_with_what_the_rehearsal_saw(memory, monkeypatch):
    wanted = OBJECT | {"data": {"k": "v"}}
    memory.put(OBJECT | {"data": {"k": "old"}})
    read = memory.get

    async def read_then_written(resource, namespace, name):
        found = await read(resource, namespace, name)
        if memory.asked["get"] == 1:
            memory.put(wanted)
        return found

    monkeypatch.setattr(memory, "get", read_then_written)
    found = await plan(memory, [wanted], OPTIONS, expected={ObjectId.of(wanted)})
    assert [step.action for step in found.steps] == [Action.UNCHANGED]
    assert memory.asked["get"] == 2
