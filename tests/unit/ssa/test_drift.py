"""Drift is told by place and never by value."""

import pytest

from shared.ssa.drift import differences


def obj(metadata=None, **body):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", **(metadata or {})}, **body}


@pytest.mark.parametrize(
    ("live", "dry_run", "want"),
    [
        (obj(data={"a": "1"}), obj(data={"a": "1"}), []),
        (obj(data={"a": "1"}), obj(data={"a": "2"}), ["change /data/a"]),
        (obj(data={"a": "1"}), obj(data={}), ["remove /data/a"]),
        (obj(data={}), obj(data={"x/y~z": "1"}), ["add /data/x~1y~0z"]),
        (
            obj(spec={"items": [{"n": 1}, {"n": 2}]}),
            obj(spec={"items": [{"n": 1}, {"n": 3}]}),
            ["change /spec/items/1/n"],
        ),
        (obj(spec={"items": [1]}), obj(spec={"items": [1, 2]}), ["change /spec/items"]),
        (obj({"labels": {"a": "b"}}), obj({"labels": {}}), ["remove /metadata/labels/a"]),
        (obj({"annotations": None}), obj({"annotations": {}}), []),
        (obj(), obj({"labels": {}}), []),
        (obj({"resourceVersion": "1", "generation": 1}), obj({"resourceVersion": "2", "generation": 2}), []),
        (obj(status={"a": 1}), obj(status={"a": 2}), []),
        (obj(spec={"a": None}), obj(spec={}), []),
        (obj(spec={"a": None}), obj(spec={"a": []}), []),
        (obj(spec={}), obj(spec={"emptyDir": {}}), ["add /spec/emptyDir"]),
        (obj(spec={"a": 1}), obj(spec={"a": True}), ["change /spec/a"]),
        (obj(spec={"a": 1}), obj(spec={"a": 1.0}), []),
        (obj(spec={"a": ""}), obj(spec={"a": "x"}), ["change /spec/a"]),
        (obj(spec={"a": {"b": 1}}), obj(spec={"a": [1]}), ["change /spec/a"]),
        (obj(immutable=True), obj(), ["remove /immutable"]),
    ],
)
def test_differences(live, dry_run, want):
    assert [str(item) for item in differences(live, dry_run)] == want


def test_autoscalers_repeat_metrics_in_a_dry_run():
    cpu = {"type": "Resource", "resource": {"name": "cpu"}}
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {}}
    live, noisy = {**scaler, "spec": {"metrics": [cpu]}}, {**scaler, "spec": {"metrics": [cpu, {}, cpu]}}
    assert differences(live, noisy) == ()
    assert differences(live, {**scaler, "spec": {"metrics": [{**cpu, "x": 1}]}}) != ()


def test_no_value_of_a_secret_is_told():
    before = {"kind": "Secret", "data": {"password": "b2xk"}}
    after = {"kind": "Secret", "data": {"password": "bmV3"}}
    assert [str(item) for item in differences(before, after)] == ["change /data/password"]
