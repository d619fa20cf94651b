from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import pytest

from shared.api.meta import DependencyReference
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.runtime.dependencies import Dependencies, NotReady
from shared.runtime.outcome import Stalled

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


def check(*references, ready="True", observed=2, additive=False, demand=None):
    """What comes of a check against one object, `ns/base` of generation 2."""
    informer = Informer(None, "g", "Widget", Facts.of)
    metadata = {"namespace": "ns", "name": "base", "generation": 2}
    informer.store.put({"metadata": metadata, "ready": ready, "observed": observed})
    dependencies = Dependencies(
        informer, "widgets.g", wait=timedelta(seconds=5), additive=additive, facts=lambda header: ()
    )
    return dependencies.check(ME, [DependencyReference(**ref) for ref in references], {}, demand)


def refuse(key, header):
    return f"{key} is too old"


def test_a_ready_dependency_lets_the_object_go_on():
    assert check({"name": "base"}) is None


def test_a_missing_dependency_is_named_by_the_plural_of_its_kind():
    assert check({"name": "gone"}) == NotReady(
        "dependency 'ns/gone' not found: widgets.g \"gone\" not found",
        "Dependencies do not meet ready condition, retrying in 5s",
        timedelta(seconds=5),
    )


@pytest.mark.parametrize("state", [{"ready": "False"}, {"ready": ""}, {"observed": 1}])
def test_a_dependency_must_be_ready_in_its_newest_generation(state):
    assert check({"name": "base"}, **state).message == "dependency 'ns/base' is not ready"


def test_a_kind_may_demand_more():
    assert check({"name": "base"}, demand=refuse).message == "ns/base is too old"


def test_an_expression_decides_alone_unless_it_is_additive():
    reference = {"name": "base", "readyExpr": "dep.ready == 'True'"}
    assert check(reference, demand=refuse) is None
    assert check(reference, demand=refuse, additive=True).message == "ns/base is too old"


def test_an_expression_that_can_not_be_read_ends_the_turn_for_good():
    result = check({"name": "base", "readyExpr": "dep.("})
    assert isinstance(result, Stalled)
    assert "failed to evaluate dependency base" in result.message
