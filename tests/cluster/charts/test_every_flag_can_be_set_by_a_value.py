"""Charts and controllers agree on flags and gates, and the controllers understand what the charts pass."""

import re

import pytest

from helm_controller.settings import HelmSettings
from image_controllers.automation.settings import AutomationSettings
from image_controllers.reflector.settings import ReflectorSettings
from kustomize_controller.settings import KustomizeSettings
from notification_controller.settings import NotificationSettings
from shared.lang import json, yaml
from shared.runtime.settings import parse, usage
from source_controller.settings import SourceSettings

MODELS = {
    "source-controller": SourceSettings,
    "kustomize-controller": KustomizeSettings,
    "helm-controller": HelmSettings,
    "notification-controller": NotificationSettings,
    "image-reflector-controller": ReflectorSettings,
    "image-automation-controller": AutomationSettings,
}
# Flags that follow from other values, from ports and paths of the pod, or are for use outside of a cluster.
OWN = {
    "enable-leader-election", "events-addr", "feature-gates", "health-addr", "kubeconfig", "log-encoding",
    "log-level", "metrics-addr", "runtime-namespace", "watch-all-namespaces", "watch-label-selector",
}  # fmt: skip
ONLY = {
    "source-controller": {"cosign-binary", "storage-addr", "storage-adv-addr", "storage-path"},
    "kustomize-controller": {"kustomize-binary", "source-controller-localhost"},
    "helm-controller": {"helm-binary", "kustomize-binary", "render-path", "source-controller-localhost"},
    "notification-controller": {"receiverAddr"},
    "image-reflector-controller": {"storage-path"},
    "image-automation-controller": set(),
}
VALUES = re.compile(r"^```yaml values\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTIFICATION = "notification-controller"
FULL = {
    "logLevel": "debug",
    "logEncoding": "console",
    "watchAllNamespaces": False,
    "watchLabelSelector": "team in (a,b)",
    "shards": ["one"],
    "events": {"enabled": False},
    "featureGates": {"CacheSecretsAndConfigMaps": True},
    "flags": {
        "concurrent": 12,
        "interval-jitter-percentage": 0,
        "kube-api-qps": 12.5,
        "leader-election-lease-duration": "1m",
        "leader-election-release-on-cancel": False,
        "requeue-dependency": "1m30s",
        "watch-configs-label-selector": "",
    },
}


#: What a pod of the chart knows by itself.
ENVIRONMENT = {"RUNTIME_NAMESPACE": "flux-system"}


@pytest.fixture(params=MODELS)
def chart(request):
    return request.param


def settings_of(objects, chart, name):
    """What a controller makes of the arguments of a Deployment."""
    (container,) = [
        container
        for obj in objects
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] == name
        for container in obj["spec"]["template"]["spec"]["containers"]
    ]
    return parse(MODELS[chart], container["args"], ENVIRONMENT)


def schema(helm, chart):
    return json.loads((helm.charts / chart / "values.schema.json").read_bytes())["properties"]


def test_flags_have_either_a_value_of_their_own_or_an_entry_in_flags(helm, chart):
    known = set(re.findall(r"^ +--(\S+)", usage(MODELS[chart], chart), re.MULTILINE))
    entries = set(schema(helm, chart)["flags"]["properties"])
    assert entries == known - OWN - ONLY[chart]
    assert OWN - known == ({"watch-label-selector"} if chart == NOTIFICATION else set())


def test_gates_are_those_of_the_controller(helm, chart):
    assert set(schema(helm, chart)["featureGates"]["properties"]) == set(MODELS[chart].gates)


def test_the_readme_describes_every_value_and_every_flag(helm, chart):
    readme = (helm.charts / chart / "README.md").read_text()
    described = set(re.findall(r"^\| `([^`]+)` \|", readme, re.MULTILINE))
    properties = schema(helm, chart)
    expected = set(properties["flags"]["properties"])
    for name, value in properties.items():
        parts = value["properties"] if "required" in value and "additionalProperties" in value else {}
        expected |= {f"{name}.{part}" for part in parts} or {name}
    assert described == expected - {"global"}


def test_the_readme_has_the_defaults_right(helm, chart):
    values = yaml.load((helm.charts / chart / "values.yaml").read_text())
    flags = set(schema(helm, chart)["flags"]["properties"])
    rows = re.findall(
        r"^\| `([^`]+)` \| `([^`]+)` \|", (helm.charts / chart / "README.md").read_text(), re.MULTILINE
    )
    for name, shown in rows:
        if name not in flags:
            default = values
            for part in name.split("."):
                default = default[part]
            assert yaml.load(shown) == default, name
        elif shown not in ('""', "[]"):
            assert parse(MODELS[chart], [f"--{name}={shown}"], {}) == MODELS[chart](), name


def test_plain_values_leave_the_controllers_defaults(helm, chart):
    settings = settings_of(helm.render(chart), chart, chart)
    changed = settings.model_dump(exclude_defaults=True)
    assert set(changed) <= {
        "enable_leader_election", "events_addr", "render_path", "runtime_namespace", "storage_adv_addr",
    }  # fmt: skip


def test_values_arrive_in_notification_controller(helm):
    values = {
        "logLevel": "debug",
        "watchAllNamespaces": False,
        "featureGates": {"ObjectLevelWorkloadIdentity": True},
        "flags": {"rate-limit-interval": "1m", "no-cross-namespace-refs": True, "concurrent": 12},
    }
    settings = settings_of(helm.render(NOTIFICATION, values=values), NOTIFICATION, NOTIFICATION)
    assert settings.log_level == "debug"
    assert not settings.watch_all_namespaces
    assert settings.gate("ObjectLevelWorkloadIdentity")
    assert settings.rate_limit_interval.total_seconds() == 60
    assert settings.no_cross_namespace_refs
    assert settings.concurrent == 12
    assert (settings.events_addr, settings.receiver_addr) == (":9090", ":9292")


@pytest.mark.parametrize("chart", [name for name in MODELS if name != NOTIFICATION])
def test_values_arrive_in_the_controller(helm, chart):
    absent = {name.replace("_", "-") for name in MODELS[chart].absent}
    flags = {name: value for name, value in FULL["flags"].items() if name not in absent}
    settings = settings_of(helm.render(chart, values=FULL | {"flags": flags}), chart, f"{chart}-one")
    assert settings.log_level == "debug"
    assert settings.log_encoding == "console"
    assert not settings.watch_all_namespaces
    assert settings.watch_label_selector == "team in (a,b),sharding.fluxcd.io/key=one"
    assert settings.events_addr == ""
    assert settings.gate("CacheSecretsAndConfigMaps")
    assert settings.concurrent == 12
    assert settings.interval_jitter_percentage == 0
    assert settings.kube_api_qps == 12.5
    assert settings.leader_election_lease_duration.total_seconds() == 60
    assert not settings.leader_election_release_on_cancel
    assert settings.requeue_dependency.total_seconds() == (90 if "requeue-dependency" in flags else 30)
    if "watch-configs-label-selector" in flags:
        assert settings.watch_configs_label_selector == ""


def test_large_numbers_and_lists_arrive_as_they_are(helm):
    algorithms = ["curve25519-sha256", "ecdh-sha2-nistp256"]
    values = {"flags": {"helm-index-max-size": 1 << 40, "ssh-kex-algos": algorithms}}
    settings = settings_of(
        helm.render("source-controller", values=values), "source-controller", "source-controller"
    )
    assert settings.helm_index_max_size == 1 << 40
    assert settings.ssh_kex_algos == tuple(algorithms)


def test_extra_arguments_win(helm, chart):
    values = {"flags": {"concurrent": 12}, "extraArgs": ["--concurrent", "13"]}
    assert settings_of(helm.render(chart, values=values), chart, chart).concurrent == 13


def test_no_lease_is_asked_for_when_told(helm, chart):
    settings = settings_of(helm.render(chart, values={"leaderElection": False}), chart, chart)
    assert not settings.enable_leader_election


def test_values_in_the_readmes_can_be_used_as_they_stand(suite):
    for chart in (*MODELS, "headrace"):
        text = (suite.charts / chart / "README.md").read_text()
        blocks = re.findall(VALUES, text)
        assert len(blocks) == text.count("```yaml") > 0
        for block in blocks:
            assert suite.render(chart, values=yaml.load(block))
