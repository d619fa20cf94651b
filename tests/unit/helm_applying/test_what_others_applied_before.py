"""What was written for Helm client-side becomes ours with an apply, whatever the release was before."""

import pytest

from helm_controller.cluster.objects import MANAGER, Placed
from helm_controller.cluster.server_side import ServerSide
from shared.kube.errors import NotFound
from shared.kube.resources import Resource
from shared.ssa import ObjectId


def thing(*entries, **data):
    metadata = {"name": "a", "namespace": "n", "resourceVersion": "7", "managedFields": list(entries)}
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata, "data": data}


def entry(manager, operation, *names):
    fields = {"f:data": {f"f:{name}": {} for name in names}}
    return {"manager": manager, "operation": operation, "apiVersion": "example.com/v1", "fieldsV1": fields}


OBJECT = {
    "apiVersion": "example.com/v1",
    "kind": "Thing",
    "metadata": {"name": "a", "namespace": "n"},
    "data": {"a": "1"},
}
PLACED = Placed(ObjectId.of(OBJECT), Resource("example.com", "v1", "things", "Thing"), OBJECT)


class Server:
    """One object at most; a field goes when its last owner lets go of it."""

    def __init__(self, live=None):
        self.live = live
        self.asked = []

    async def get(self, *_):
        self.asked.append("get")
        if self.live is None:
            raise NotFound(404, "NotFound", "it is not there")
        return self.live

    async def json_patch(self, resource, namespace, name, operations, *, manager):
        self.asked.append("patch")
        entries = next(each["value"] for each in operations if each["path"] == "/metadata/managedFields")
        self.live = thing(*entries, **self.live["data"])
        return self.live

    async def apply(self, resource, obj, *, manager, strict):
        self.asked.append("apply")
        there = self.live or thing()
        entries = there["metadata"]["managedFields"]
        others = [each for each in entries if (each["manager"], each["operation"]) != (manager, "Apply")]
        kept = {field[2:] for each in others for field in each["fieldsV1"]["f:data"]}
        data = {name: value for name, value in there["data"].items() if name in kept} | obj["data"]
        self.live = thing(*others, entry(manager, "Apply", *obj["data"]), **data)
        return self.live


@pytest.mark.parametrize("manager", ["helm", MANAGER])
async def test_fields_that_are_no_longer_wanted_go_where_an_object_is_adopted(manager):
    server = Server(thing(entry(manager, "Update", "a", "old"), a="1", old="2"))
    live = await ServerSide(server).write(PLACED)
    assert live["data"] == {"a": "1"}
    assert [each["manager"] for each in live["metadata"]["managedFields"]] == [MANAGER]


async def test_fields_of_others_stay():
    server = Server(thing(entry("helm-operator", "Update", "theirs"), theirs="2"))
    assert (await ServerSide(server, migrate=True).write(PLACED))["data"] == {"a": "1", "theirs": "2"}


async def test_an_object_that_nobody_had_written_is_one_request():
    server = Server()
    await ServerSide(server).write(PLACED)
    assert server.asked == ["apply"]


async def test_an_object_that_is_expected_to_be_another_s_is_written_once():
    server = Server(thing(entry("helm", "Update", "a", "old"), a="1", old="2"))
    assert (await ServerSide(server, migrate=True).write(PLACED))["data"] == {"a": "1"}
    assert server.asked == ["get", "patch", "apply"]
