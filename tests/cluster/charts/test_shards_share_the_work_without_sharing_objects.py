"""Sharding by labels: a Deployment per shard and selectors that give each object to exactly one of them."""

import pytest

from helm_controller.settings import HelmSettings
from image_controllers.automation.settings import AutomationSettings
from image_controllers.reflector.settings import ReflectorSettings
from kustomize_controller.settings import KustomizeSettings
from shared.runtime.lease import lease_name
from shared.runtime.settings import parse
from source_controller.settings import SourceSettings

MODELS = {
    "source-controller": SourceSettings,
    "kustomize-controller": KustomizeSettings,
    "helm-controller": HelmSettings,
    "image-reflector-controller": ReflectorSettings,
    "image-automation-controller": AutomationSettings,
}
SHARDED = {"shards": ["red", "blue"]}


@pytest.fixture(params=MODELS)
def chart(request):
    return request.param


def by_name(objects, kind):
    return {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == kind}


def pod(deployment):
    return deployment["spec"]["template"]


def settings_of(chart, deployment):
    return parse(MODELS[chart], pod(deployment)["spec"]["containers"][0]["args"], {})


def test_every_shard_looks_after_its_label_and_the_controller_after_the_rest(helm, chart):
    deployments = by_name(helm.render(chart, values=SHARDED), "Deployment")
    assert {name: settings_of(chart, each).watch_label_selector for name, each in deployments.items()} == {
        chart: "!sharding.fluxcd.io/key",
        f"{chart}-red": "sharding.fluxcd.io/key=red",
        f"{chart}-blue": "sharding.fluxcd.io/key=blue",
    }


def test_without_shards_no_object_is_left_out(helm, chart):
    (deployment,) = by_name(helm.render(chart), "Deployment").values()
    assert settings_of(chart, deployment).watch_label_selector == ""


def test_a_selector_of_the_user_holds_for_all_of_them(helm, chart):
    values = SHARDED | {"watchLabelSelector": "team=a"}
    deployments = by_name(helm.render(chart, values=values), "Deployment")
    assert settings_of(chart, deployments[chart]).watch_label_selector == "team=a,!sharding.fluxcd.io/key"
    red = settings_of(chart, deployments[f"{chart}-red"])
    assert red.watch_label_selector == "team=a,sharding.fluxcd.io/key=red"


def test_no_two_of_them_share_a_lease_or_a_pod(helm, chart):
    deployments = by_name(helm.render(chart, values=SHARDED), "Deployment")
    leases = {
        lease_name(chart, settings_of(chart, each).watch_label_selector) for each in deployments.values()
    }
    assert len(leases) == len(deployments) == 3
    for name, deployment in deployments.items():
        wanted = deployment["spec"]["selector"]["matchLabels"]
        chosen = [other for other, each in deployments.items() if wanted.items() <= labels(each).items()]
        assert chosen == [name]


def labels(deployment):
    return pod(deployment)["metadata"]["labels"]


def test_adding_shards_keeps_what_can_not_be_changed(helm, chart):
    before = by_name(helm.render(chart), "Deployment")[chart]
    after = by_name(helm.render(chart, values=SHARDED), "Deployment")[chart]
    assert before["spec"]["selector"] == after["spec"]["selector"] == {"matchLabels": {"app": chart}}


def test_they_are_one_component_with_one_account_and_one_network_policy(helm, chart):
    objects = helm.render(chart, values=SHARDED)
    (policy,) = by_name(objects, "NetworkPolicy").values()
    covered = policy["spec"]["podSelector"]["matchLabels"]
    for deployment in by_name(objects, "Deployment").values():
        assert covered.items() <= labels(deployment).items()
        assert pod(deployment)["spec"]["serviceAccountName"] == chart
        assert deployment["metadata"]["labels"]["app.kubernetes.io/part-of"] == "flux"


def test_every_source_controller_serves_its_own_artifacts(helm):
    objects = helm.render("source-controller", values=SHARDED | {"persistence": {"enabled": True}})
    deployments, services = by_name(objects, "Deployment"), by_name(objects, "Service")
    assert set(deployments) == set(services) == set(by_name(objects, "PersistentVolumeClaim"))
    for name, deployment in deployments.items():
        spec = pod(deployment)["spec"]
        address = settings_of("source-controller", deployment).storage_adv_addr
        assert address == f"{name}.$(RUNTIME_NAMESPACE).svc.cluster.local."
        assert spec["volumes"][0]["persistentVolumeClaim"]["claimName"] == name
        assert services[name]["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]


def test_shards_can_be_named_once_for_the_whole_suite(suite):
    values = {"global": {"shards": ["red"]}, "kustomize-controller": {"shards": ["red", "blue"]}}
    assert set(by_name(suite.render("headrace", values=values), "Deployment")) == {
        "source-controller", "source-controller-red",
        "kustomize-controller", "kustomize-controller-red", "kustomize-controller-blue",
        "helm-controller", "helm-controller-red", "notification-controller",
    }  # fmt: skip
