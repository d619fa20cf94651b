"""The umbrella chart: all controllers from their own charts, and what belongs to none of them."""

import pytest

from localcluster import ClusterError
from shared.lang import json, yaml
from shared.testing.controllers import CONTROLLERS, SHARDED

EXTRA = {"image-reflector-controller", "image-automation-controller"}
EVERYTHING = {"enabled": dict.fromkeys(EXTRA, True)}
SHARED_TEMPLATES = (
    "_names.tpl", "crds.yaml", "networkpolicy.yaml", "podmonitor.yaml", "serviceaccount.yaml",
    "servicemonitor.yaml",
)  # fmt: skip


def by_kind(objects, kind):
    return {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == kind}


def read(helm, name):
    return yaml.load((helm.charts / "headrace" / name).read_text())


def test_it_passes_a_strict_lint(suite):
    suite.lint("headrace")


def test_it_depends_on_the_charts_beside_it_alone(helm):
    chart, lock = read(helm, "Chart.yaml"), read(helm, "Chart.lock")
    for dependency in chart["dependencies"]:
        assert dependency["repository"] == f"file://../{dependency['name']}"
        beside = yaml.load((helm.charts / dependency["name"] / "Chart.yaml").read_text())
        assert dependency["version"] == beside["version"]
    assert [
        {key: each[key] for key in ("name", "repository", "version")} for each in chart["dependencies"]
    ] == (lock["dependencies"])


def test_it_renders_what_its_charts_render(suite, helm):
    alone = [obj for name in CONTROLLERS for obj in helm.render(name)]
    together = suite.render("headrace", values=EVERYTHING | {"criticalPods": {"quota": False}})
    key = repr
    assert sorted(map(key, together)) == sorted(map(key, alone))


@pytest.mark.parametrize("name", SHARED_TEMPLATES)
def test_templates_of_all_charts_fit_each_other(helm, name):
    """In one release, templates of the same name are one template."""
    assert len({(helm.charts / chart / "templates" / name).read_bytes() for chart in CONTROLLERS}) == 1


@pytest.mark.parametrize("controller", sorted(CONTROLLERS))
def test_a_controller_can_be_left_out(suite, controller):
    objects = suite.render("headrace", values={"enabled": EVERYTHING["enabled"] | {controller: False}})
    assert set(by_kind(objects, "Deployment")) == set(CONTROLLERS) - {controller}


def test_controllers_of_images_are_extra(suite):
    assert set(by_kind(suite.render("headrace"), "Deployment")) == set(CONTROLLERS) - EXTRA


def test_global_values_reach_all_controllers(suite):
    values = {"global": {"imageRegistry": "registry.example.com", "imagePullSecrets": [{"name": "pull"}]}}
    for name, deployment in by_kind(suite.render("headrace", values=values), "Deployment").items():
        spec = deployment["spec"]["template"]["spec"]
        assert spec["containers"][0]["image"] == f"registry.example.com/headrace/{name}:v0.1.0"
        assert spec["imagePullSecrets"] == [{"name": "pull"}]


def test_its_objects_carry_the_labels_of_the_suite(suite):
    for obj in suite.render("headrace", values={"namespace": {"create": True}}):
        labels = obj["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "flux"
        assert labels["app.kubernetes.io/instance"] == "gitops"
        assert labels["app.kubernetes.io/version"] == "v2.9.4"
        assert "app.kubernetes.io/managed-by" not in labels


def test_the_namespace_is_part_of_it_on_demand_and_outlives_it(suite):
    assert not by_kind(suite.render("headrace"), "Namespace")
    extra = {"pod-security.kubernetes.io/enforce": "restricted", "team": "platform"}
    values = {"namespace": {"create": True, "labels": extra}}
    made = by_kind(suite.render("headrace", values=values), "Namespace")["gitops"]["metadata"]
    assert extra.items() <= made["labels"].items()
    assert made["labels"]["pod-security.kubernetes.io/warn"] == "restricted"
    assert made["labels"]["pod-security.kubernetes.io/warn-version"] == "latest"
    assert made["annotations"] == {"helm.sh/resource-policy": "keep"}


class TestInstalled:
    def test_it_takes_over_the_namespace_and_leaves_it_when_removed(self, cluster, namespace, suite, program):
        chart = str(suite.charts / "headrace")
        where = ("-n", namespace, "--kubeconfig", str(cluster.kubeconfig))
        program(
            "helm", "install", "suite", chart, *where, "--take-ownership", "--set", "namespace.create=true",
            *(f"--set=enabled.{name}=true" for name in EXTRA),
        )  # fmt: skip
        found = json.loads(cluster.kubectl("get", "namespace", namespace, "-o", "json"))
        assert found["metadata"]["labels"]["app.kubernetes.io/part-of"] == "flux"
        listed = cluster.kubectl(
            "-n", namespace, "get", "deployments", "-l", "app.kubernetes.io/part-of=flux", "-o", "name"
        )
        assert set(listed.split()) == {f"deployment.apps/{name}" for name in CONTROLLERS}
        cluster.kubectl("-n", namespace, "get", "resourcequota", "critical-pods")
        versions = "jsonpath={.items[*].status.storedVersions}"
        assert cluster.kubectl("get", "crds", "-l", f"app.kubernetes.io/instance={namespace}", "-o", versions)

        program("helm", "uninstall", "suite", *where)
        kept = json.loads(cluster.kubectl("get", "namespace", namespace, "-o", "json"))
        assert kept["status"]["phase"] == "Active"
        assert cluster.kubectl("get", "crd", "gitrepositories.source.toolkit.fluxcd.io", "-o", "name")
        with pytest.raises(ClusterError, match="not found"):
            cluster.kubectl("get", "clusterrole", f"source-controller-{namespace}")

    def test_it_upgrades_from_one_controller_to_shards(self, cluster, namespace, suite, program):
        chart = str(suite.charts / "headrace")
        where = ("-n", namespace, "--kubeconfig", str(cluster.kubeconfig))
        program("helm", "install", "suite", chart, *where, "--take-ownership")
        program("helm", "upgrade", "suite", chart, *where, "--take-ownership", "--set", "global.shards={red}")
        listed = cluster.kubectl("-n", namespace, "get", "deployments", "-o", "name").split()
        assert {f"deployment.apps/{name}-red" for name in set(SHARDED) - EXTRA} < set(listed)
        program("helm", "uninstall", "suite", *where)
