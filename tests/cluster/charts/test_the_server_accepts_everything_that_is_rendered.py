"""Rendered objects of many values, dry-run on a real server that refuses fields it does not know."""

import pytest

from localcluster import ClusterError
from shared.lang import json
from shared.testing.controllers import CONTROLLERS, SHARDED

RELABELING = {"sourceLabels": ["__meta_kubernetes_pod_label_app"], "targetLabel": "app"}
MONITOR = {
    "create": True,
    "labels": {"release": "prometheus"},
    "interval": "30s",
    "scrapeTimeout": "10s",
    "relabelings": [RELABELING],
    "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "workqueue_.*"}],
}
PLACED = {
    "replicas": 3,
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}}
            ]
        }
    },
    "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "gitops", "effect": "NoSchedule"}],
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "a"}},
        }
    ],
    "nodeSelector": {"kubernetes.io/os": "linux", "pool": "system"},
    "priorityClassName": "system-node-critical",
    "resources": {"limits": {"cpu": 2, "memory": "2Gi"}, "requests": {"cpu": "0.5"}},
}
DRESSED = {
    "imagePullSecrets": [{"name": "pull"}],
    "global": {"imageRegistry": "registry.example.com:5000", "imagePullSecrets": [{"name": "other"}]},
    "image": {"digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
    "serviceAccount": {"name": "workload", "annotations": {"iam.example.com/role": "gitops"}},
    "podLabels": {"team": "platform"},
    "podAnnotations": {"prometheus.io/scrape": "false", "note": "yes"},
    "extraArgs": ["--concurrent=7"],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "extraVolumes": [{"name": "authorities", "configMap": {"name": "authorities"}}],
    "extraVolumeMounts": [{"name": "authorities", "mountPath": "/etc/authorities", "readOnly": True}],
    "securityContext": {"runAsUser": 1000},
    "rbac": {"compat": "flux"},
}
SETS = {
    "plain": {},
    "placed": PLACED,
    "dressed": DRESSED,
    "monitored": {"flags": {"concurrent": 20}, "podMonitor": MONITOR},
    "measured by a service": {"serviceMonitor": MONITOR},
    "bare": {
        "crds": {"create": False},
        "networkPolicy": {"create": False},
        "rbac": {"create": False},
        "serviceAccount": {"create": False},
        "resources": {"limits": None, "requests": None},
        "nodeSelector": {"kubernetes.io/os": None},
        "priorityClassName": "",
    },
}
STORED = {
    "own": {"persistence": {"enabled": True, "storageClassName": "fast", "size": "1.5Gi"}},
    "borrowed": {"persistence": {"enabled": True, "existingClaim": "mine"}},
    "shared": {"replicas": 2, "persistence": {"enabled": True, "accessModes": ["ReadWriteMany"]}},
    "by shard": {"shards": ["red"], "persistence": {"enabled": True}},
}


def accepted(cluster, objects):
    """The objects as the server would store them; nothing is stored.

    Raises:
        ClusterError: it refuses one of them.
    """
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).decode()
    how = ("--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "-o", "json")
    found = json.loads(cluster.kubectl("apply", *how, "-f", "-", stdin=listed))
    return found["items"] if found["kind"] == "List" else [found]


def names(objects):
    return {(obj["kind"], obj["metadata"]["name"]) for obj in objects}


@pytest.mark.usefixtures("monitoring")
@pytest.mark.parametrize("chart", CONTROLLERS)
@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_objects_of_a_chart_are_accepted(cluster, namespace, helm, chart, values):
    objects = helm.render(chart, values=values, namespace=namespace)
    assert names(accepted(cluster, objects)) == names(objects)


@pytest.mark.usefixtures("monitoring")
@pytest.mark.parametrize("chart", SHARDED)
def test_objects_of_shards_are_accepted(cluster, namespace, helm, chart):
    objects = helm.render(
        chart, values={"shards": ["red", "blue"], "podMonitor": MONITOR}, namespace=namespace
    )
    assert names(accepted(cluster, objects)) == names(objects)


@pytest.mark.parametrize("values", STORED.values(), ids=STORED)
def test_volumes_of_source_controller_are_accepted(cluster, namespace, helm, values):
    objects = helm.render("source-controller", values=values, namespace=namespace)
    assert names(accepted(cluster, objects)) == names(objects)


@pytest.mark.usefixtures("monitoring")
def test_a_field_that_the_server_does_not_know_is_refused(cluster, namespace, helm):
    objects = helm.render("source-controller", values={"podMonitor": MONITOR}, namespace=namespace)
    (monitor,) = [obj for obj in objects if obj["kind"] == "PodMonitor"]
    monitor["spec"]["podMetricsEndpoints"][0]["every"] = "1m"
    with pytest.raises(ClusterError, match="every"):
        accepted(cluster, [monitor])


@pytest.mark.parametrize("values", [{}, DRESSED], ids=["plain", "dressed"])
@pytest.mark.parametrize("chart", CONTROLLERS)
class TestPods:
    def test_are_admitted_where_the_restricted_standard_is_enforced(
        self, cluster, restricted, helm, chart, values
    ):
        (pod,) = pods(helm.render(chart, values=values, namespace=restricted))
        admit(cluster, restricted, pod)

    def test_would_not_be_admitted_without_their_security_context(
        self, cluster, restricted, helm, chart, values
    ):
        (pod,) = pods(helm.render(chart, values=values, namespace=restricted))
        del pod["spec"]["containers"][0]["securityContext"]
        with pytest.raises(ClusterError, match='violates PodSecurity "restricted:latest"'):
            admit(cluster, restricted, pod)


def pods(objects):
    """What the Deployments would make."""
    for obj in objects:
        if obj["kind"] == "Deployment":
            template = obj["spec"]["template"]
            metadata = template["metadata"] | {"name": "pod", "namespace": obj["metadata"]["namespace"]}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def admit(cluster, namespace, pod):
    account = pod["spec"]["serviceAccountName"]
    cluster.kubectl("-n", namespace, "create", "serviceaccount", account)
    accepted(cluster, [pod])


@pytest.fixture
def restricted(cluster, namespace):
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    return namespace


class TestMonitors:
    def test_are_off_by_default(self, helm):
        for chart in CONTROLLERS:
            kinds = {obj["kind"] for obj in helm.render(chart)}
            assert not {"PodMonitor", "ServiceMonitor"} & kinds

    @pytest.mark.parametrize("chart", SHARDED)
    def test_a_pod_monitor_finds_the_pods_of_all_shards(self, helm, chart):
        objects = helm.render(chart, values={"podMonitor": MONITOR, "shards": ["red"]})
        (monitor,) = [obj for obj in objects if obj["kind"] == "PodMonitor"]
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        found = [pod for pod in pods(objects) if matches(monitor["spec"]["selector"], pod)]
        assert [port_named(pod, endpoint["port"]) for pod in found] == [8080, 8080]
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
        assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("30s", "10s")

    @pytest.mark.parametrize("chart", SHARDED)
    def test_a_service_monitor_finds_one_service_before_the_pods_of_all_shards(self, helm, chart):
        objects = helm.render(chart, values={"serviceMonitor": MONITOR, "shards": ["red"]})
        (monitor,) = [obj for obj in objects if obj["kind"] == "ServiceMonitor"]
        (endpoint,) = monitor["spec"]["endpoints"]
        services = [obj for obj in objects if obj["kind"] == "Service"]
        (service,) = [each for each in services if matches(monitor["spec"]["selector"], each)]
        (port,) = service["spec"]["ports"]
        assert port["name"] == endpoint["port"]
        found = [pod for pod in pods(objects) if matches({"matchLabels": service["spec"]["selector"]}, pod)]
        assert [port_named(pod, port["targetPort"]) for pod in found] == [8080, 8080]


def matches(selector, obj):
    return selector["matchLabels"].items() <= obj["metadata"]["labels"].items()


def port_named(pod, name):
    (container,) = pod["spec"]["containers"]
    (number,) = [port["containerPort"] for port in container["ports"] if port["name"] == name]
    return number
