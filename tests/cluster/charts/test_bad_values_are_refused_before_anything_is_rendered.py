"""The schemas of the charts: what can't work is refused, and the answer names the value."""

import pytest

from shared.testing.controllers import CONTROLLERS, SHARDED

ONE_NODE = {"enabled": True, "accessModes": ["ReadWriteOnce"]}


@pytest.mark.parametrize("chart", CONTROLLERS)
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 2}, "additional properties 'replica' not allowed"),
        ({"image": {"tags": "v1"}}, "at '/image': additional properties 'tags' not allowed"),
        ({"image": {"digest": "v1"}}, "at '/image/digest'"),
        ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy'"),
        ({"imagePullSecrets": ["pull"]}, "at '/imagePullSecrets/0': got string, want object"),
        ({"replicas": "two"}, "at '/replicas': got string, want integer"),
        ({"replicas": -1}, "at '/replicas': minimum"),
        ({"replicas": 2, "leaderElection": False}, "at '/replicas': maximum: got 2, want 1"),
        ({"logLevel": "warn"}, "at '/logLevel'"),
        ({"logEncoding": "text"}, "at '/logEncoding'"),
        ({"watchAllNamespaces": "false"}, "at '/watchAllNamespaces': got string, want boolean"),
        ({"featureGates": {"Nope": True}}, "at '/featureGates': additional properties 'Nope' not allowed"),
        ({"featureGates": {"ObjectLevelWorkloadIdentity": "on"}}, "got string, want boolean"),
        ({"flags": {"concurrency": 4}}, "at '/flags': additional properties 'concurrency' not allowed"),
        ({"flags": {"concurrent": 0}}, "at '/flags/concurrent': minimum: got 0, want 1"),
        ({"flags": {"max-retry-delay": 60}}, "at '/flags/max-retry-delay': got number, want string"),
        ({"flags": {"max-retry-delay": "1 minute"}}, "at '/flags/max-retry-delay': '1 minute' does not"),
        ({"flags": {"watch-label-selector": "a"}}, "at '/flags': additional properties"),
        ({"extraArgs": "--concurrent=4"}, "at '/extraArgs': got string, want array"),
        ({"global": {"shards": "a"}}, "at '/global/shards': got string, want array"),
        ({"resources": {"limit": {"cpu": 1}}}, "at '/resources': additional properties 'limit' not allowed"),
        ({"resources": {"limits": {"memory": "1 GB"}}}, "at '/resources/limits/memory'"),
        ({"tolerations": [{"keys": "a"}]}, "at '/tolerations/0': additional properties 'keys' not allowed"),
        ({"affinity": {"podAffinities": {}}}, "at '/affinity': additional properties"),
        ({"topologySpreadConstraints": [{"maxSkew": 1}]}, "at '/topologySpreadConstraints/0': missing"),
        ({"podLabels": {"app": "other"}}, "at '/podLabels/app'"),
        ({"serviceAccount": {"name": "No Name"}}, "at '/serviceAccount/name'"),
        ({"rbac": {"compat": "argo"}}, "at '/rbac/compat'"),
        ({"podMonitor": {"create": True}, "serviceMonitor": {"create": True}}, "at '/serviceMonitor/create'"),
        ({"podMonitor": {"interval": "often"}}, "at '/podMonitor/interval'"),
        ({"fluxVersion": "2.9"}, "at '/fluxVersion'"),
    ],
)  # fmt: skip
def test_every_chart_names_the_value_that_is_wrong(helm, chart, values, said):
    assert said in helm.refusal(chart, values=values)


@pytest.mark.parametrize("chart", SHARDED)
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"events": {"address": "notification-controller"}}, "at '/events/address'"),
        ({"flags": {"interval-jitter-percentage": 100}}, "at '/flags/interval-jitter-percentage'"),
        ({"shards": ["Tenants"]}, "at '/shards/0': 'Tenants' does not match"),
        ({"shards": ["a", "a"]}, "at '/shards': items at 0 and 1 are equal"),
        ({"shards": ["x" * 41]}, "at '/shards/0': maxLength"),
    ],
)
def test_charts_with_shards_name_the_value_that_is_wrong(helm, chart, values, said):
    assert said in helm.refusal(chart, values=values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shards": ["a"]}, "additional properties 'shards' not allowed"),
        ({"events": {"enabled": False}}, "additional properties 'events' not allowed"),
        ({"flags": {"watch-label-selector": "a=b"}}, "additional properties 'watch-label-selector'"),
        ({"flags": {"rate-limit-interval": 5}}, "at '/flags/rate-limit-interval'"),
        ({"receiver": {"ingress": {"host": "https://hooks"}}}, "at '/receiver/ingress/host'"),
        ({"receiver": {"service": {"type": "ExternalName"}}}, "at '/receiver/service/type'"),
        ({"receiver": {"httpRoute": {"create": True}}}, "at '/receiver/httpRoute/parentRefs': minItems"),
    ],
)
def test_notification_controller_refuses_what_can_not_work(helm, values, said):
    assert said in helm.refusal("notification-controller", values=values)


@pytest.mark.parametrize("chart", CONTROLLERS)
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"securityContext": {"privileged": True}}, "securityContext/privileged"),
        ({"securityContext": {"allowPrivilegeEscalation": True}}, "securityContext/allowPrivilegeEscalation"),
        ({"securityContext": {"runAsNonRoot": False}}, "securityContext/runAsNonRoot"),
        ({"securityContext": {"runAsUser": 0}}, "securityContext/runAsUser"),
        ({"securityContext": {"capabilities": {"drop": []}}}, "securityContext/capabilities/drop"),
        ({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}, "securityContext/capabilities/add"),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "securityContext/seccompProfile"),
        ({"podSecurityContext": {"runAsUser": 0}}, "podSecurityContext/runAsUser"),
    ],
)  # fmt: skip
def test_nothing_weakens_the_restricted_standard(helm, chart, values, field):
    assert f"at '/{field}" in helm.refusal(chart, values=values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"persistence": ONE_NODE, "replicas": 2}, "at '/replicas': maximum: got 2, want 1"),
        (
            {"persistence": ONE_NODE | {"existingClaim": "mine"}, "replicas": 2},
            "at '/replicas': maximum: got 2, want 1",
        ),
        ({"persistence": {"accessModes": ["ReadOnlyMany"]}}, "at '/persistence/accessModes/0'"),
        ({"persistence": {"enabled": True, "accessModes": []}}, "at '/persistence/accessModes'"),
        ({"persistence": {"size": "big"}}, "at '/persistence/size'"),
        ({"persistence": ONE_NODE | {"existingClaim": "mine"}, "shards": ["a"]}, "at '/shards': maxItems"),
        (
            {"persistence": ONE_NODE | {"existingClaim": "mine"}, "global": {"shards": ["a"]}},
            "leave it empty to get a claim per shard",
        ),
        ({"flags": {"artifact-digest-algo": "md5"}}, "at '/flags/artifact-digest-algo'"),
        ({"flags": {"storage-path": "/elsewhere"}}, "additional properties 'storage-path' not allowed"),
    ],
)  # fmt: skip
def test_source_controller_refuses_storage_that_can_not_work(helm, values, said):
    assert said in helm.refusal("source-controller", values=values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sourceController": {}}, "additional properties 'sourceController' not allowed"),
        ({"enabled": {"any-controller": True}}, "at '/enabled': additional properties"),
        ({"global": {"shard": ["a"]}}, "at '/global': additional properties 'shard' not allowed"),
        ({"source-controller": {"replica": 2}}, "additional properties 'replica' not allowed"),
        ({"kustomize-controller": {"rbac": {"clusterAdmin": "no"}}}, "at '/rbac/clusterAdmin'"),
        ({"helm-controller": {"flags": {"helm-binary": "/bin/helm"}}}, "'helm-binary' not allowed"),
        ({"namespace": {"create": "yes"}}, "at '/namespace/create': got string, want boolean"),
    ],
)
def test_the_suite_refuses_what_its_charts_refuse(suite, values, said):
    assert said in suite.refusal("headrace", values=values)
