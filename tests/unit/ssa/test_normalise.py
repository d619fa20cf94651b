"""What is sent to the server is stable under server-side apply, and the source's objects stay as they are."""

import base64
import copy

import pytest

from shared.ssa import normalised


def changed(obj):
    before = copy.deepcopy(obj)
    result = normalised(obj)
    assert obj == before
    return result


def test_string_data_becomes_data_and_wins():
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": {"a": "b2xk", "b": "Yg=="},
        "stringData": {"a": "new"},
    }
    assert changed(secret)["data"] == {"a": base64.b64encode(b"new").decode(), "b": "Yg=="}
    assert "stringData" not in changed(secret)


def test_an_empty_string_data_leaves_no_trace():
    assert changed({"apiVersion": "v1", "kind": "Secret", "stringData": {}}) == {
        "apiVersion": "v1",
        "kind": "Secret",
    }


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "Pod", ["spec"]),
        ("apps/v1", "Deployment", ["spec", "template", "spec"]),
        ("apps/v1", "StatefulSet", ["spec", "template", "spec"]),
        ("apps/v1", "DaemonSet", ["spec", "template", "spec"]),
        ("apps/v1", "ReplicaSet", ["spec", "template", "spec"]),
        ("batch/v1", "Job", ["spec", "template", "spec"]),
        ("batch/v1", "CronJob", ["spec", "jobTemplate", "spec", "template", "spec"]),
    ],
)
def test_container_ports_get_a_protocol(api_version, kind, path):
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80}]
    obj = value = {"apiVersion": api_version, "kind": kind}
    for key in path:
        value[key] = {}
        value = value[key]
    value["containers"] = [{"name": "app", "ports": ports}, {"name": "side"}]
    value["initContainers"] = [{"name": "init", "ports": [{"containerPort": 1}]}]
    found = changed(obj)
    for key in path:
        found = found[key]
    assert found["containers"][0]["ports"] == [ports[0], {"containerPort": 80, "protocol": "TCP"}]
    assert found["initContainers"][0]["ports"] == [{"containerPort": 1}]


def test_service_ports_get_a_protocol():
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}}
    assert changed(service)["spec"]["ports"] == [{"port": 80, "protocol": "TCP"}]


def test_a_service_of_another_group_is_left_alone():
    service = {"apiVersion": "serving.example.com/v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}}
    assert changed(service) == service


def test_status_and_null_creation_times_go():
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "creationTimestamp": None},
        "spec": {"template": {"metadata": {"creationTimestamp": None, "labels": {"a": "b"}}}},
        "status": {"replicas": 1},
    }
    assert changed(deployment) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"template": {"metadata": {"labels": {"a": "b"}}}},
    }


@pytest.mark.parametrize(
    ("bundle", "kept"),
    [
        (base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode(), True),
        ("Cg==", False),
        ("not base64 at all", False),
        ("", False),
        (None, False),
    ],
)
def test_a_ca_bundle_must_be_a_certificate(bundle, kept):
    client = {"caBundle": bundle, "service": {"name": "hook"}}
    obj = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {"conversion": {"webhook": {"clientConfig": client}}},
    }
    found = changed(obj)["spec"]["conversion"]["webhook"]["clientConfig"]
    assert ("caBundle" in found) is kept
    assert found["service"] == {"name": "hook"}
