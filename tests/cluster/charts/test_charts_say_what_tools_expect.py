"""What the flux command line and patches of users count on in the rendered charts."""

import pytest

from shared.testing.controllers import CONTROLLERS

COMMON = [
    "--events-addr=http://notification-controller.gitops.svc.cluster.local./",
    "--watch-all-namespaces",
    "--log-level=info",
    "--log-encoding=json",
    "--enable-leader-election",
]
FOLDERS = {
    "source-controller": [
        "--storage-path=/data",
        "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.cluster.local.",
    ],
    "image-reflector-controller": ["--storage-path=/data"],
    "helm-controller": ["--render-path=/renders"],
}


def one(objects, kind):
    (found,) = [obj for obj in objects if obj["kind"] == kind]
    return found


def manager(objects):
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "manager"
    return container


@pytest.mark.parametrize("chart", CONTROLLERS)
class TestEveryChart:
    def test_pass_a_strict_lint(self, helm, chart):
        helm.lint(chart)

    def test_label_every_object(self, helm, chart):
        for obj in helm.render(chart):
            labels = obj["metadata"]["labels"]
            assert labels["app.kubernetes.io/part-of"] == "flux"
            assert labels["app.kubernetes.io/instance"] == "gitops"
            assert labels["app.kubernetes.io/version"] == "v2.9.4"
            assert labels["app.kubernetes.io/component"] == chart
            assert labels["control-plane"] == "controller"
            assert "app.kubernetes.io/managed-by" not in labels

    def test_name_objects_after_the_controller_not_the_release(self, helm, chart):
        some, other = helm.render(chart, release="one"), helm.render(chart, release="two")
        assert some == other
        assert one(some, "Deployment")["metadata"]["name"] == chart
        assert one(some, "ServiceAccount")["metadata"]["name"] == chart
        for obj in some:
            if obj["kind"].startswith("ClusterRole"):
                assert obj["metadata"]["name"].endswith("-gitops")

    def test_keep_definitions_when_the_release_goes(self, helm, chart):
        definitions = [obj for obj in helm.render(chart) if obj["kind"] == "CustomResourceDefinition"]
        assert definitions
        for definition in definitions:
            assert definition["metadata"]["annotations"] == {
                "helm.sh/resource-policy": "keep",
                "kustomize.toolkit.fluxcd.io/substitute": "disabled",
            }

    def test_leave_definitions_out_when_told(self, helm, chart):
        kinds = {obj["kind"] for obj in helm.render(chart, "--set", "crds.create=false")}
        assert "CustomResourceDefinition" not in kinds

    def test_keep_the_order_of_arguments(self, helm, chart):
        own = FOLDERS.get(chart, [])
        # What posts events to others is told where to; notification-controller takes them.
        fixed = COMMON[1:] if chart == "notification-controller" else [*COMMON, *own]
        extra = ("--set", "extraArgs={--concurrent=20,--max-retry-delay=5s}")
        assert manager(helm.render(chart))["args"] == fixed
        args = manager(helm.render(chart, *extra))["args"]
        assert args == [*fixed, "--concurrent=20", "--max-retry-delay=5s"]

    def test_say_the_namespace_in_the_first_variable(self, helm, chart):
        first = manager(helm.render(chart))["env"][0]
        assert first == {
            "name": "RUNTIME_NAMESPACE",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
        }

    def test_run_without_privileges(self, helm, chart):
        objects = helm.render(chart)
        assert one(objects, "Deployment")["spec"]["template"]["spec"]["securityContext"] == {"fsGroup": 1337}
        assert manager(objects)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        }

    def test_refuse_values_that_nothing_reads(self, helm, chart):
        assert "additional properties 'replica' not allowed" in helm.refusal(chart, "--set", "replica=2")

    def test_grant_as_much_as_flux_when_told(self, helm, chart):
        objects = helm.render(chart, "--set", "rbac.compat=flux")
        role = next(obj for obj in objects if obj["metadata"]["name"] == f"{chart}-gitops" and "rules" in obj)
        assert {"nonResourceURLs": ["/livez/ping"], "verbs": ["head"]} in role["rules"]


@pytest.mark.case("runtime-44")
@pytest.mark.parametrize("chart", CONTROLLERS)
@pytest.mark.parametrize("value", ["image.tag=", "image.tag=null"])
def test_images_need_a_tag(helm, chart, value):
    assert "tag" in helm.refusal(chart, "--set", value)
    assert "image.tag is needed" in helm.refusal(chart, "--set", value, "--skip-schema-validation")


def test_source_controller_is_replaced_not_rolled_and_ready_when_it_serves(helm):
    objects = helm.render("source-controller")
    spec = one(objects, "Deployment")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 10
    assert [volume["name"] for volume in spec["template"]["spec"]["volumes"]] == ["data", "tmp"]
    assert manager(objects)["readinessProbe"] == {"httpGet": {"path": "/", "port": "http"}}
    (port,) = one(objects, "Service")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, "http")


def test_source_controller_can_keep_artifacts_on_a_volume(helm):
    objects = helm.render("source-controller", "--set", "persistence.enabled=true")
    claim = one(objects, "PersistentVolumeClaim")["metadata"]["name"]
    volumes = one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert volumes[0] == {"name": "data", "persistentVolumeClaim": {"claimName": claim}}


@pytest.mark.parametrize(
    ("chart", "grace"),
    [("kustomize-controller", 60), ("helm-controller", 600), ("notification-controller", 10)],
)
def test_others_roll_and_have_their_scratch_volume_first(helm, chart, grace):
    spec = one(helm.render(chart), "Deployment")["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate"}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == grace
    first, *others = spec["template"]["spec"]["volumes"]
    assert first == {"name": "temp", "emptyDir": {}}
    renders = {"name": "renders", "emptyDir": {"medium": "Memory"}}
    assert others == ([renders] if chart == "helm-controller" else [])
