"""Definitions come before what they define, and webhooks last."""

import pytest

from shared.ssa import CustomKinds, ObjectId
from shared.ssa.order import Stage, sort_key, stage_of, stages


def obj(kind, name="x", group="", namespace=""):
    version = f"{group}/v1" if group else "v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


@pytest.mark.parametrize(
    ("kind", "group", "stage"),
    [
        ("CustomResourceDefinition", "apiextensions.k8s.io", Stage.DEFINITIONS),
        ("Namespace", "", Stage.DEFINITIONS),
        ("ClusterRole", "rbac.authorization.k8s.io", Stage.DEFINITIONS),
        ("GatewayClass", "gateway.networking.k8s.io", Stage.CLASSES),
        ("AnyClass", "example.com", Stage.CLASSES),
        ("Widget", "example.com", Stage.CUSTOM),
        ("Policy", "", Stage.CUSTOM),
        ("Deployment", "apps", Stage.REST),
        ("Widget", "other.example.com", Stage.REST),
        ("Namespace", "example.com", Stage.REST),
        ("ClusterRole", "example.com", Stage.REST),
        ("CustomResourceDefinition", "example.com", Stage.REST),
    ],
)
def test_stage_of_a_kind(kind, group, stage):
    custom = CustomKinds("example.com/Widget, Policy,")
    assert stage_of(ObjectId("", "x", group, kind), custom) is stage


def test_only_definitions_and_classes_are_waited_for():
    assert [stage for stage in Stage if stage.waits] == [Stage.DEFINITIONS, Stage.CLASSES]


def test_order_within_and_across_stages():
    given = [
        obj("ValidatingWebhookConfiguration", group="admissionregistration.k8s.io"),
        obj("Widget", group="example.com", namespace="n"),
        obj("Deployment", group="apps", namespace="n"),
        obj("Secret", namespace="n"),
        obj("ConfigMap", "b", namespace="n"),
        obj("ConfigMap", "a", namespace="n"),
        obj("ConfigMap", "z", namespace="m"),
        obj("StorageClass", group="storage.k8s.io"),
        obj("Namespace", "n"),
        obj("CustomResourceDefinition", group="apiextensions.k8s.io"),
    ]
    assert [(stage, [ObjectId.of(item).display for item in items]) for stage, items in stages(given)] == [
        (Stage.DEFINITIONS, ["CustomResourceDefinition/x", "Namespace/n"]),
        (Stage.CLASSES, ["StorageClass/x"]),
        (
            Stage.REST,
            [
                "ConfigMap/m/z",
                "ConfigMap/n/a",
                "ConfigMap/n/b",
                "Secret/n/x",
                "Deployment/n/x",
                "Widget/n/x",
                "ValidatingWebhookConfiguration/x",
            ],
        ),
    ]


def test_keys_compare_for_every_pair():
    ids = [ObjectId.of(obj(kind)) for kind in ("Pod", "Namespace", "Job")]
    assert [identity.kind for identity in sorted(ids, key=sort_key)] == ["Namespace", "Job", "Pod"]
