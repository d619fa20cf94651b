"""An object that can't be compared keeps nobody from seeing what became of the others."""

import pytest

from helm_controller.cluster.applying import Owner
from helm_controller.cluster.drift import compare, correct
from shared.kube.errors import Forbidden, NoMatch, NotFound, Unreachable
from shared.kube.resources import Resource

CONFIG = Resource("", "v1", "configmaps", "ConfigMap")
OWNER = Owner("app", "apps")
AWAY = Unreachable("the server of API group example.com does not answer")
UNKNOWN = NoMatch("example.com", "Thing", "v1")
OPT_OUT = {"helm.toolkit.fluxcd.io/driftDetection": "disabled"}


class Cluster:
    """Has lost all ConfigMaps but one that nobody may read; of Things it knows nothing."""

    def __init__(self, error=UNKNOWN):
        self.discovery = self
        self._error = error
        self.asked_again = False

    def invalidate(self):
        self.asked_again = True

    async def find(self, group, kind, version):
        if kind == "Thing":
            raise self._error
        return CONFIG

    async def get(self, resource, namespace, name):
        if name == "hidden":
            raise Forbidden(403, "Forbidden", "nobody may read it")
        raise NotFound(404, "NotFound", f"{name} is not there")

    async def apply(self, resource, obj, manager):
        raise NotFound(404, "NotFound", "there is no such path")


def config(name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def thing(name, **metadata):
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name, **metadata}}


@pytest.mark.parametrize("error", [UNKNOWN, AWAY])
async def test_an_object_of_a_kind_that_the_cluster_does_not_know(error):
    compared = await compare(Cluster(error), [thing("a"), config("b"), config("hidden")], OWNER)
    assert [each.line for each in compared.deviations] == ["ConfigMap/apps/b removed"]
    assert compared.problems == [f"Thing/a: {error}", "ConfigMap/apps/hidden: nobody may read it"]


async def test_an_object_that_is_left_out_need_not_be_known():
    compared = await compare(Cluster(), [thing("a", labels=OPT_OUT), thing("b", annotations=OPT_OUT)], OWNER)
    assert (compared.deviations, compared.problems) == ([], [])


async def test_a_kind_that_went_since_it_was_looked_up_is_looked_up_again():
    cluster = Cluster()
    compared = await compare(cluster, [config("b")], OWNER)
    assert not cluster.asked_again
    done, problems = await correct(cluster, compared.deviations)
    assert (done, problems) == ([], ["ConfigMap/apps/b: there is no such path"])
    assert cluster.asked_again
