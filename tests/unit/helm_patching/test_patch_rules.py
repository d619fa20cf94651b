"""Rules of merging, read from the description of a group version."""

import pytest

from helm_controller.patching.patch_rules import is_built_in, kinds_of
from helm_controller.patching.three_way import PLAIN
from shared.kube.resources import Resource
from shared.lang.json import JsonError, dumps


def document(**schemas):
    return dumps({"components": {"schemas": schemas}})


def referring(name, **more):
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}], **more}


def served(kind, **properties):
    return {"properties": properties, "x-kubernetes-group-version-kind": [{"kind": kind}]}


def test_only_fields_with_rules_are_kept():
    rules = kinds_of(
        document(
            Thing=served("Thing", spec=referring("Spec"), status={"type": "object"}),
            Spec={
                "properties": {
                    "replicas": {"type": "integer"},
                    "strategy": {"type": "object", "x-kubernetes-patch-strategy": "retainKeys"},
                    "volumes": {
                        "type": "array",
                        "items": referring("Volume"),
                        "x-kubernetes-patch-strategy": "merge,retainKeys",
                        "x-kubernetes-patch-merge-key": "name",
                    },
                    "args": {"type": "array", "items": {"type": "string"}},
                }
            },
            Volume={
                "properties": {
                    "finalizers": {
                        "type": "array",
                        "items": {"type": "string"},
                        "x-kubernetes-patch-strategy": "merge",
                    }
                }
            },
        )
    )["Thing"]
    assert list(rules.fields) == ["spec"]
    spec = rules.of("spec")
    assert list(spec.fields) == ["strategy", "volumes"]
    assert (spec.of("strategy").retains, spec.of("strategy").merges) == (True, False)
    volumes = spec.of("volumes")
    assert (volumes.merges, volumes.key, volumes.retains) == (True, "name", True)
    assert (volumes.of("finalizers").merges, volumes.of("finalizers").key) == (True, "")


def test_a_schema_that_contains_itself_ends():
    rules = kinds_of(
        document(
            Tree=served(
                "Tree",
                children={
                    "type": "array",
                    "items": referring("Tree"),
                    "x-kubernetes-patch-strategy": "merge",
                    "x-kubernetes-patch-merge-key": "name",
                },
            )
        )
    )["Tree"]
    assert rules.of("children").merges
    assert rules.of("children").of("children") == PLAIN


def test_a_document_that_is_none_is_refused():
    with pytest.raises(JsonError):
        kinds_of(b"no JSON")
    assert kinds_of(b'{"components": {"schemas": {"A": 1}}}') == {}


@pytest.mark.parametrize(
    ("group", "built_in"),
    [("", True), ("apps", True), ("apiregistration.k8s.io", False), ("gateway.networking.k8s.io", False)],
)
def test_kinds_that_come_with_definitions_have_no_rules(group, built_in):
    assert is_built_in(Resource(group, "v1", "things", "Thing")) is built_in
