"""When Helm 3 takes an object for ready."""

import pytest

from helm_controller.cluster.legacy import LegacyReader
from shared.status.kstatus import Status

READY, WAITING, FAILED = Status.CURRENT, Status.IN_PROGRESS, Status.FAILED
TRUE = [{"type": "Ready", "status": "True"}]
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": []}}


def obj(kind, spec=None, status=None, generation=2, observed=2):
    version = {"Job": "batch/v1", "CustomResourceDefinition": "apiextensions.k8s.io/v1"}.get(kind, "v1")
    if kind in ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"):
        version = "apps/v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "a", "uid": "u", "generation": generation},
        "spec": spec or {},
        "status": {"observedGeneration": observed, **(status or {})},
    }


def rolling(**limits):
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": limits}}


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (obj("Pod"), WAITING),
        (obj("Pod", status={"conditions": TRUE}), READY),
        (obj("ConfigMap"), READY),
        ({**obj("Thing"), "status": {"conditions": [{"type": "Ready", "status": "False"}]}}, READY),
        (obj("PersistentVolumeClaim", status={"phase": "Pending"}), WAITING),
        (obj("PersistentVolumeClaim", status={"phase": "Bound"}), READY),
        (obj("Service", {"type": "ExternalName"}), READY),
        (obj("Service", {"clusterIP": "1.2.3.4"}), READY),
        (obj("Service", {"clusterIP": "None"}), READY),
        (obj("Service", {}), WAITING),
        (obj("Service", {"type": "LoadBalancer", "clusterIP": "1.2.3.4"}), WAITING),
        (
            obj("Service", {"type": "LoadBalancer", "clusterIP": "1.2.3.4", "externalIPs": ["5.6.7.8"]}),
            READY,
        ),
        (
            obj(
                "Service",
                {"type": "LoadBalancer", "clusterIP": "1.2.3.4"},
                {"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}]}},
            ),
            READY,
        ),
        (obj("Job", {"completions": 1, "backoffLimit": 0}), WAITING),
        (obj("Job", {"completions": 1, "backoffLimit": 0}, {"succeeded": 1}), READY),
        (obj("Job", {"completions": 1, "backoffLimit": 0}, {"failed": 1}), FAILED),
        (obj("Job", {"completions": 1, "backoffLimit": 1}, {"failed": 1}), WAITING),
        (obj("Job", {"backoffLimit": 1}), READY),
        (obj("Deployment", {"paused": True}), READY),
        (obj("DaemonSet", rolling(maxUnavailable=1), observed=1), WAITING),
        (obj("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}), READY),
        (
            obj(
                "DaemonSet",
                rolling(maxUnavailable="30%"),
                {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 2},
            ),
            READY,
        ),
        (
            obj(
                "DaemonSet",
                rolling(maxUnavailable=1),
                {"desiredNumberScheduled": 3, "updatedNumberScheduled": 2, "numberReady": 3},
            ),
            WAITING,
        ),
        (
            obj(
                "DaemonSet",
                rolling(maxUnavailable=1),
                {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 1},
            ),
            WAITING,
        ),
        (obj("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}), READY),
        (obj("StatefulSet", rolling(), {"updatedReplicas": 0}), WAITING),
        (
            obj("StatefulSet", {**rolling(), "replicas": 2}, {"updatedReplicas": 2, "readyReplicas": 1}),
            WAITING,
        ),
        (
            obj(
                "StatefulSet",
                {**rolling(), "replicas": 2},
                {"updatedReplicas": 2, "readyReplicas": 2, "currentRevision": "a", "updateRevision": "b"},
            ),
            WAITING,
        ),
        (
            obj(
                "StatefulSet",
                {**rolling(partition=1), "replicas": 2},
                {"updatedReplicas": 1, "readyReplicas": 2, "currentRevision": "a", "updateRevision": "b"},
            ),
            READY,
        ),
        (obj("CustomResourceDefinition"), WAITING),
        (
            obj(
                "CustomResourceDefinition", status={"conditions": [{"type": "Established", "status": "True"}]}
            ),
            READY,
        ),
        (
            obj(
                "CustomResourceDefinition",
                status={"conditions": [{"type": "NamesAccepted", "status": "False"}]},
            ),
            READY,
        ),
    ],
)
def test_what_an_object_tells_itself(found, status):
    assert LegacyReader().read(found).status is status


def replica_set(ready=0, name="a-1", owner="u", image=None, observed=1):
    template = {**TEMPLATE, "metadata": {"labels": {"app": "a", "pod-template-hash": "1"}}}
    if image:
        template["spec"] = {"containers": [{"image": image}]}
    return {
        "metadata": {
            "name": name,
            "generation": 1,
            "creationTimestamp": "2024-01-01T00:00:00Z",
            "ownerReferences": [{"uid": owner, "controller": True}],
        },
        "spec": {"template": template},
        "status": {"observedGeneration": observed, "readyReplicas": ready},
    }


@pytest.mark.parametrize(
    ("replicas", "limits", "sets", "status"),
    [
        (1, {"maxSurge": 1, "maxUnavailable": 0}, None, Status.UNKNOWN),
        (1, {"maxSurge": 1, "maxUnavailable": 0}, [], WAITING),
        (1, {"maxSurge": 1, "maxUnavailable": 0}, [replica_set(0)], WAITING),
        (1, {"maxSurge": 1, "maxUnavailable": 0}, [replica_set(1)], READY),
        (1, {"maxSurge": 1, "maxUnavailable": 0}, [replica_set(1, observed=0)], WAITING),
        (1, {"maxSurge": 1, "maxUnavailable": 0}, [replica_set(1, owner="other")], WAITING),
        (1, {"maxSurge": 1, "maxUnavailable": 0}, [replica_set(1, image="old:1")], WAITING),
        (1, {"maxSurge": 1, "maxUnavailable": 1}, [replica_set(0)], READY),
        (4, {"maxSurge": "25%", "maxUnavailable": "25%"}, [replica_set(3)], READY),
        (3, {"maxSurge": "25%", "maxUnavailable": "25%"}, [replica_set(2)], WAITING),
        (2, {"maxSurge": 0, "maxUnavailable": "10%"}, [replica_set(1)], READY),
        (0, {"maxSurge": 1, "maxUnavailable": 1}, [replica_set(0)], READY),
    ],
)
def test_a_deployment_needs_as_many_pods_of_its_new_replica_set_as_may_not_be_missing(
    replicas, limits, sets, status
):
    deployment = obj(
        "Deployment",
        {
            "replicas": replicas,
            "template": TEMPLATE,
            "selector": {"matchLabels": {"app": "a"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": limits},
        },
    )
    reader = LegacyReader()
    found = reader.read(deployment)
    assert reader.companions(deployment, found) == ("apps", "ReplicaSet", "app=a")
    assert reader.corrected(deployment, found, sets).status is status


@pytest.mark.parametrize(
    ("kind", "selector"),
    [("ReplicaSet", {"matchLabels": {"app": "a"}}), ("ReplicationController", {"app": "a"})],
)
def test_an_owner_of_pods_waits_for_each_of_them(kind, selector):
    owner = obj(kind, {"selector": selector})
    reader = LegacyReader()
    found = reader.read(owner)
    assert reader.companions(owner, found) == ("", "Pod", "app=a")
    ready, other = obj("Pod", status={"conditions": TRUE}), obj("Pod")
    assert reader.corrected(owner, found, [ready]).status is READY
    assert reader.corrected(owner, found, [ready, other]).status is WAITING
    assert reader.corrected(owner, found, None).status is Status.UNKNOWN
    assert reader.corrected({**owner, "status": {}}, found, []).status is WAITING
