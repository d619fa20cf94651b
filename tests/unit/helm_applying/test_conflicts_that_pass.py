"""Refusals that hold only for an instant are no failure of a release."""

import pytest

from helm_controller.cluster.client_side import ClientSide
from helm_controller.cluster.objects import ClusterError, Placed
from helm_controller.cluster.server_side import ServerSide
from helm_controller.patching.patch_rules import PatchRules
from shared.kube.errors import AlreadyExists, Conflict, NotFound
from shared.kube.resources import Resource
from shared.ssa import ObjectId

OBJECT = {
    "apiVersion": "example.com/v1",
    "kind": "Thing",
    "metadata": {"name": "a", "namespace": "n"},
    "data": {"a": "1"},
}
PLACED = Placed(ObjectId.of(OBJECT), Resource("example.com", "v1", "things", "Thing"), OBJECT)
QUOTA = Conflict(409, "Conflict", 'Operation cannot be fulfilled on resourcequotas "q": it was modified')
OTHER = Conflict(409, "Conflict", "conflict with another manager")
TAKEN = AlreadyExists(409, "AlreadyExists", "it is there")
GONE = NotFound(404, "NotFound", "it is not there")


class Server:
    """Answers each kind of request with what is next in its list; errors are raised."""

    def __init__(self, **answers):
        self._answers = {name: iter(given) for name, given in answers.items()}

    def _answer(self, name):
        found = next(self._answers[name])
        if isinstance(found, Exception):
            raise found
        return found

    async def get(self, *_):
        return self._answer("get")

    async def create(self, *_, **__):
        return self._answer("create")

    async def apply(self, *_, **__):
        return self._answer("apply")

    async def merge_patch(self, *_, **__):
        return self._answer("merge_patch")


@pytest.mark.parametrize("refusals", [0, 1, 3])
async def test_a_quota_that_is_counted_meanwhile(refusals):
    server = Server(apply=[QUOTA] * refusals + [OBJECT])
    assert await ServerSide(server).write(PLACED) == OBJECT


@pytest.mark.parametrize("answers", [[QUOTA] * 9, [OTHER, OBJECT]], ids=["for-ever", "another-conflict"])
async def test_other_conflicts_are_failures(answers):
    with pytest.raises(ClusterError, match="server-side apply failed"):
        await ServerSide(Server(apply=answers)).write(PLACED)


async def test_an_object_that_somebody_else_creates_meanwhile_is_patched():
    live = {**OBJECT, "data": {"a": "2"}}
    server = Server(get=[GONE, live], create=[TAKEN], merge_patch=[OBJECT])
    assert await ClientSide(server, PatchRules()).write(PLACED) == OBJECT


async def test_an_object_that_somebody_else_deletes_meanwhile_is_created():
    live = {**OBJECT, "data": {"a": "2"}}
    server = Server(get=[live, GONE], merge_patch=[GONE], create=[OBJECT])
    assert await ClientSide(server, PatchRules()).write(PLACED) == OBJECT


async def test_a_fight_ends():
    server = Server(get=[GONE] * 9, create=[TAKEN] * 9)
    with pytest.raises(ClusterError, match='cannot patch "a" with kind Thing: it is there'):
        await ClientSide(server, PatchRules()).write(PLACED)


async def test_nothing_is_sent_when_nothing_differs():
    server = Server(get=[OBJECT])
    assert await ClientSide(server, PatchRules()).write(PLACED) == OBJECT
