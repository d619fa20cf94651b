"""The list of a release's objects, where the cluster knows their kinds and where it doesn't."""

import pytest

from helm_controller.helm_release.inventory import inventory_of
from helm_controller.release.manifest import ManifestError
from helm_controller.release.model import Release
from shared.kube.errors import NoMatch
from shared.kube.resources import Resource

KNOWN = {
    "ConfigMap": Resource("", "v1", "configmaps", "ConfigMap"),
    "ClusterRole": Resource(
        "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False
    ),
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.com"},
}


class Cluster:
    """Knows two kinds."""

    def __init__(self):
        self.discovery = self

    async def find(self, group, kind, version=None):
        if kind not in KNOWN:
            raise NoMatch(group, kind, version)
        return KNOWN[kind]


def release(*objects):
    manifest = "".join(f"---\n# Source: demo/templates/a.yaml\n{text}\n" for text in objects)
    return Release.of_wire({"name": "demo", "namespace": "apps", "version": 1, "manifest": manifest})


def thing(name, namespace=None):
    where = f", namespace: {namespace}" if namespace else ""
    return f"{{apiVersion: example.com/v1alpha1, kind: Thing, metadata: {{name: {name}{where}}}}}"


async def test_objects_stand_with_the_namespace_that_they_have():
    inventory, doubts = await inventory_of(
        Cluster(),
        release(
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: other}}",
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'x:y'}}",
        ),
        [DEFINITION],
    )
    assert not doubts
    assert inventory.write() == [
        {"id": "apps_a__ConfigMap", "v": "v1"},
        {"id": "other_b__ConfigMap", "v": "v1"},
        {"id": "_x__y_rbac.authorization.k8s.io_ClusterRole", "v": "v1"},
        {"id": "_things.example.com_apiextensions.k8s.io_CustomResourceDefinition", "v": "v1"},
    ]


async def test_objects_of_unknown_kinds_stand_there_too_and_are_told_once():
    inventory, doubts = await inventory_of(
        Cluster(), release(thing("a"), thing("b"), thing("c", "other")), []
    )
    assert [entry["id"] for entry in inventory.write()] == [
        "_a_example.com_Thing",
        "_b_example.com_Thing",
        "other_c_example.com_Thing",
    ]
    (doubt,) = doubts
    assert doubt == (
        "failed to determine if Thing is namespace scoped, skipping namespace: "
        'no matches for kind "Thing" in version "example.com/v1alpha1"'
    )


async def test_a_manifest_that_holds_no_objects_has_no_list():
    with pytest.raises(ManifestError):
        await inventory_of(Cluster(), release("just a text"), [])
