"""The writer against a server in memory that merges patches and checks resource versions."""

from copy import deepcopy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kube import Resource
from shared.kube.errors import Conflict, NotFound
from shared.status.draft import StatusDraft, StatusWriter, _replacement

KIND = Resource("example.com", "v1", "things", "Thing")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def merged(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Server:
    """One object; `interfere` is called before each patch and may write as somebody else."""

    def __init__(self, **status):
        self.obj = {
            "metadata": {"name": "a", "namespace": "ns", "uid": "1", "generation": 3, "resourceVersion": "1"},
            "status": status,
        }
        self.patches = []
        self.interfere = lambda: None

    def write(self, status):
        self.obj = deepcopy(self.obj)
        self.obj["metadata"]["resourceVersion"] = str(int(self.obj["metadata"]["resourceVersion"]) + 1)
        self.obj["status"] = merged(self.obj["status"], status)

    async def get(self, resource, namespace, name):
        return deepcopy(self.obj)

    async def merge_patch(self, resource, namespace, name, patch, *, manager, subresource):
        assert (resource, namespace, name, manager, subresource) == (KIND, "ns", "a", "me", "status")
        self.interfere()
        self.patches.append(patch)
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in {None, self.obj["metadata"]["resourceVersion"]}:
            raise Conflict(409, "Conflict", "the object has been modified")
        self.write(patch["status"])
        return deepcopy(self.obj)


class Pass:
    """A draft and its writer."""

    def __init__(self, server):
        self.absorbed = []
        obj = deepcopy(server.obj)
        self.draft = StatusDraft(obj)
        self.writer = StatusWriter(
            server, KIND, obj, manager="me", owned=frozenset({"Ready"}), now=lambda: NOW,
            absorb=self.absorbed.append,
        )  # fmt: skip

    async def save(self):
        return await self.writer.save(self.draft)


def condition(kind, status):
    return {
        "type": kind,
        "status": status,
        "reason": "R",
        "message": "",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


async def test_nothing_is_sent_when_nothing_changed():
    server = Server(observedGeneration=3, conditions=[condition("Ready", "True")], deep={"a": [1]})
    one = Pass(server)
    one.draft.conditions.set("Ready", "True", "R", "")
    one.draft["deep"] = {"a": [1]}
    one.draft.observe()
    assert not await one.save()
    assert server.patches == []


async def test_only_the_difference_is_sent_and_nothing_twice():
    server = Server(same="x", deep={"keep": 1, "drop": 2}, gone="y")
    one = Pass(server)
    one.draft["deep"] = {"keep": 1, "add": 3}
    one.draft["gone"] = None
    assert await one.save()
    assert not await one.save()
    assert server.patches == [{"status": {"deep": {"add": 3, "drop": None}, "gone": None}}]
    assert server.obj["status"] == {"same": "x", "deep": {"keep": 1, "add": 3}}
    assert one.absorbed == [server.obj]


async def test_conditions_are_sent_under_the_resource_version():
    server = Server()
    one = Pass(server)
    one.draft.conditions.set("Ready", "True", "R", "")
    await one.save()
    (patch,) = server.patches
    assert patch["metadata"] == {"resourceVersion": "1"}


async def test_two_conflicts_are_survived_and_leave_what_others_wrote():
    server = Server(conditions=[condition("Theirs", "False")], ours="old")
    others = iter([{"conditions": [condition("Theirs", "True")]}, {"foreign": {"field": 1}}])

    def interfere():
        status = next(others, None)
        if status is not None:
            server.write(status)

    server.interfere = interfere
    one = Pass(server)
    one.draft.conditions.set("Ready", "True", "R", "")
    one.draft["ours"] = "new"
    assert await one.save()
    assert len(server.patches) == 3
    status = server.obj["status"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Ready": "True",
        "Theirs": "True",
    }
    assert status["ours"] == "new"
    assert status["foreign"] == {"field": 1}


@pytest.mark.looptime
async def test_endless_conflicts_end_in_an_error_after_five_tries():
    server = Server()
    server.interfere = lambda: server.write({"counter": len(server.patches)})
    one = Pass(server)
    one.draft.conditions.set("Ready", "True", "R", "")
    with pytest.raises(Conflict):
        await one.save()
    assert len(server.patches) == 5


async def test_a_successor_of_the_object_is_left_alone():
    server = Server()
    one = Pass(server)
    one.draft.conditions.set("Ready", "True", "R", "")
    server.write({})
    server.obj["metadata"]["uid"] = "2"
    with pytest.raises(NotFound, match="a new object has its name"):
        await one.save()
    assert "conditions" not in server.obj["status"]


def test_nothing_and_empty_collections_take_a_field_away_zero_and_false_do_not():
    draft = StatusDraft({"metadata": {}, "status": {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}})
    for field, value in {"a": None, "b": [], "c": {}, "d": 0, "e": False}.items():
        draft[field] = value
    assert draft.fields == {"d": 0, "e": False}


VALUES = st.recursive(
    st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_a_replacement_turns_any_value_into_any_other(old, new):
    assert merged(old, _replacement(old, new)) == new
