from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import pytest

from shared.api.meta import DependencyReference
from shared.kube.errors import NotFound
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey, Resource
from shared.runtime.dependencies import Dependencies, NotReady
from shared.runtime.outcome import Stalled

WIDGETS = Resource("g", "v1", "widgets", "Widget")
ME = SimpleNamespace(namespace="ns", name="me")


@dataclass(frozen=True)
class Facts:
    depends_on: tuple[ObjectKey, ...]
    ready: str
    generation: int
    observed_generation: int

    @classmethod
    def of(cls, obj):
        return cls((), obj["ready"], obj["metadata"]["generation"], obj["observed"])


def base(ready="True", observed=2):
    metadata = {"namespace": "ns", "name": "base", "generation": 2}
    return {"metadata": metadata, "ready": ready, "observed": observed}


class Server:
    """Has what is given, and tells what it was asked for."""

    def __init__(self, *objects):
        self.discovery = self
        self.asked = []
        self._objects = {obj["metadata"]["name"]: obj for obj in objects}

    async def find(self, group, kind, version):
        return WIDGETS

    async def get(self, resource, namespace, name):
        self.asked.append((resource, namespace, name))
        if name in self._objects:
            return self._objects[name]
        raise NotFound(404, "NotFound", f'widgets.g "{name}" not found')


def dependencies(informer, *, additive=False):
    wait = timedelta(seconds=5)
    return Dependencies(informer, "widgets.g", wait=wait, additive=additive, facts=lambda header: ())


async def check(*references, additive=False, demand=None, **state):
    """What comes of a check against one object, `ns/base` of generation 2."""
    server = Server()
    informer = Informer(server, "g", "Widget", Facts.of)
    informer.store.put(base(**state))
    references = [DependencyReference(**reference) for reference in references]
    found = await dependencies(informer, additive=additive).check(ME, references, {}, demand)
    assert not server.asked
    return found


def refuse(key, header):
    return f"{key} is too old"


async def test_a_ready_dependency_lets_the_object_go_on():
    assert await check({"name": "base"}) is None


async def test_a_missing_dependency_is_named_by_the_plural_of_its_kind():
    assert await check({"name": "gone"}) == NotReady(
        "dependency 'ns/gone' not found: widgets.g \"gone\" not found",
        "Dependencies do not meet ready condition, retrying in 5s",
        timedelta(seconds=5),
    )


@pytest.mark.parametrize("state", [{"ready": "False"}, {"ready": ""}, {"observed": 1}])
async def test_a_dependency_must_be_ready_in_its_newest_generation(state):
    assert (await check({"name": "base"}, **state)).message == "dependency 'ns/base' is not ready"


async def test_a_kind_may_demand_more():
    assert (await check({"name": "base"}, demand=refuse)).message == "ns/base is too old"


async def test_an_expression_decides_alone_unless_it_is_additive():
    reference = {"name": "base", "readyExpr": "dep.ready == 'True'"}
    assert await check(reference, demand=refuse) is None
    assert (await check(reference, demand=refuse, additive=True)).message == "ns/base is too old"


async def test_an_expression_that_can_not_be_read_ends_the_turn_for_good():
    result = await check({"name": "base", "readyExpr": "dep.("})
    assert isinstance(result, Stalled)
    assert "failed to evaluate dependency base" in result.message


LEFT_OUT = [{"label_selector": "shard=a"}, {"namespace": "mine"}]


@pytest.mark.parametrize("filters", LEFT_OUT, ids=["another-shard", "another-namespace"])
@pytest.mark.parametrize(
    ("name", "state", "expression", "problem"),
    [
        ("base", {}, None, None),
        ("base", {"ready": "False"}, None, "dependency 'ns/base' is not ready"),
        ("base", {"ready": "False"}, "dep.ready == 'False'", None),
        ("gone", {}, None, "dependency 'ns/gone' not found: widgets.g \"gone\" not found"),
    ],
    ids=["ready", "not-ready", "expression", "missing"],
)
async def test_a_dependency_that_somebody_else_looks_after_is_read(filters, name, state, expression, problem):
    server = Server(base(**state))
    informer = Informer(server, "g", "Widget", Facts.of, **filters)
    references = [DependencyReference(name=name, readyExpr=expression)]
    found = await dependencies(informer).check(ME, references, {})
    assert (found and found.message) == problem
    assert server.asked == [(WIDGETS, "ns", name)]


@pytest.mark.parametrize("filters", [{}, {"namespace": "ns"}, {"label_selector": "shard=a"}])
async def test_a_dependency_that_is_watched_costs_no_request(filters):
    server = Server()
    informer = Informer(server, "g", "Widget", Facts.of, **filters)
    informer.store.put(base())
    assert await dependencies(informer).check(ME, [DependencyReference(name="base")], {}) is None
    assert not server.asked
