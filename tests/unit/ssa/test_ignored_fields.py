"""Ignored fields never are drift; when an apply is due anyway, they stay as they are in the cluster."""

from contextlib import suppress

import pytest

from shared.ssa import IgnoreRule
from shared.ssa.ignore import ignored_paths, resolved, without_paths
from shared.ssa.pointer import parse

ME = "kustomize-controller"


def deployment(replicas=None, managed=(), **labels):
    spec = {
        "template": {
            "spec": {"containers": [{"name": "app", "image": "a:1"}, {"name": "side", "image": "b:1"}]}
        }
    }
    if replicas is not None:
        spec["replicas"] = replicas
    metadata = {"name": "web", "namespace": "apps", "labels": labels, "managedFields": list(managed)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def owner(operation, fields):
    return {"manager": "scaler", "operation": operation, "fieldsV1": fields}


REPLICAS = [parse("/spec/replicas")]


@pytest.mark.parametrize(
    ("target", "matches"),
    [
        (None, True),
        ({}, True),
        ({"kind": "Deploy.*", "name": "web", "namespace": "apps", "group": "apps", "version": "v1"}, True),
        ({"kind": "Deploy"}, False),
        ({"kind": "(?i)deployment", "name": r"\pL+", "group": r"[[:alpha:]]+\z"}, True),
        ({"name": "we"}, False),
        ({"labelSelector": "app=x,tier in (a, b),!old"}, True),
        ({"labelSelector": "app!=x"}, False),
        ({"labelSelector": "tier notin (c),app"}, True),
        ({"annotationSelector": "note"}, False),
    ],
)
def test_a_rule_is_for_the_objects_that_its_target_names(target, matches):
    rule = IgnoreRule.compile(["/spec/replicas"], target)
    assert bool(ignored_paths([rule], deployment(app="x", tier="a"))) is matches


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "target",
    [{"name": "(a+)+b"}, {"name": "(a|a)*b"}, {"name": "(a?){50}a{50}b"}],
    ids=lambda each: each["name"],
)
def test_no_pattern_takes_long(target):
    rule = IgnoreRule.compile(["/data"], target)
    assert not ignored_paths([rule], {"metadata": {"name": "a" * 253}})


@pytest.mark.timeout(10)
@pytest.mark.parametrize("selector", ["a" + " " * 300_000 + "!", "a," * 300_000])
def test_no_selector_takes_long(selector):
    with suppress(ValueError):
        IgnoreRule.compile(["/data"], {"labelSelector": selector})


def test_several_rules_may_match_and_repeat():
    rules = [IgnoreRule.compile(["/a", "/b"], None), IgnoreRule.compile(["/b", "/c~1d"], None)]
    assert ignored_paths(rules, {}) == (("a",), ("b",), ("c/d",))


@pytest.mark.parametrize(
    ("paths", "target", "what"),
    [
        (["spec"], None, "JSON pointer"),
        ([], {"name": "("}, "regular expression"),
        ([], {"name": "a{1001}"}, "regular expression"),
        ([], {"name": "(" * 10000}, "regular expression"),
        ([], {"labelSelector": "a in b"}, "selector"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(paths, target, what):
    with pytest.raises(ValueError, match=what):
        IgnoreRule.compile(paths, target)


def test_ignored_values_are_left_out_of_the_comparison():
    assert without_paths(deployment(3), REPLICAS) == deployment()
    assert without_paths(deployment(), REPLICAS) == deployment()


def test_list_items_are_removed_from_the_end():
    items = {"items": [{"a": 1, "b": 1}, {"a": 2}, {"a": 3}]}
    paths = [parse("/items/0/b"), parse("/items/1"), parse("/items/2")]
    assert without_paths(items, paths) == {"items": [{"a": 1}]}


def test_negative_indexes_count_from_the_end_of_each_list():
    items = {"items": [{"a": 1, "b": 1}, {"a": 2}, {"a": 3}]}
    paths = [
        parse("/items/-2"),
        parse("/items/0/b"),
        parse("/items/2"),
        parse("/items/-1"),
        parse("/items/-9"),
    ]
    assert without_paths(items, paths) == {"items": [{"a": 1}]}


def test_an_empty_path_is_the_whole_object():
    rule = IgnoreRule.compile([""], {"kind": "Deployment"})
    assert ignored_paths([rule], deployment()) == ((),)


def test_a_value_at_a_negative_index_is_adopted_or_released():
    path = "/spec/template/spec/containers/-1/image"
    fields = {"f:containers": {'k:{"name":"side"}': {"f:image": {}}}}
    fields = {"f:spec": {"f:template": {"f:spec": fields}}}
    for operation, side in ("Update", {"name": "side", "image": "b:2"}), ("Apply", {"name": "side"}):
        live = deployment(None, [owner(operation, fields)])
        live["spec"]["template"]["spec"]["containers"][1]["image"] = "b:2"
        result = resolved(deployment(), live, deployment(), [parse(path)], ME)
        assert result["spec"]["template"]["spec"]["containers"][1] == side


def test_a_value_that_somebody_updates_is_adopted():
    live = deployment(5, [owner("Update", {"f:spec": {"f:replicas": {}}})])
    assert resolved(deployment(2), live, deployment(2), REPLICAS, ME)["spec"]["replicas"] == 5


def test_a_value_that_somebody_applies_is_released():
    live = deployment(5, [owner("Apply", {"f:spec": {"f:replicas": {}}})])
    assert "replicas" not in resolved(deployment(2), live, deployment(2), REPLICAS, ME)["spec"]


def test_a_value_that_is_not_there_is_released():
    assert "replicas" not in resolved(deployment(2), deployment(), deployment(2), REPLICAS, ME)["spec"]


def test_a_value_without_drift_stays_in_the_payload():
    live = deployment(2, [owner("Apply", {"f:spec": {"f:replicas": {}}})])
    assert resolved(deployment(2), live, deployment(2), REPLICAS, ME)["spec"]["replicas"] == 2


@pytest.mark.parametrize(("key", "released"), [('k:{"name":"side"}', True), ('k:{"name":"app"}', False)])
def test_list_positions_are_matched_to_merge_keys(key, released):
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {key: {"f:image": {}}}}}}}
    live = deployment(None, [owner("Apply", fields)])
    live["spec"]["template"]["spec"]["containers"][1]["image"] = "b:2"
    paths = [parse("/spec/template/spec/containers/1/image")]
    result = resolved(deployment(), live, deployment(), paths, ME)
    side = result["spec"]["template"]["spec"]["containers"][1]
    assert side == ({"name": "side"} if released else {"name": "side", "image": "b:2"})
