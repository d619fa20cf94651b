"""What is made before there is a release, what others made, and what is left behind."""

import base64
import gzip
import random

import pytest

from shared.kube.errors import Invalid
from shared.lang import json
from shared.testing.helm import HELM_RELEASE

HELM_CHART = "HelmChart.source.toolkit.fluxcd.io"
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: GROUPthings.GROUP.example.com}
spec:
  group: GROUP.example.com
  names: {kind: Thing, plural: GROUPthings}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, description: WORDS}}}
"""


def chart_template(name="web"):
    return {"spec": {"chart": name, "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}


@pytest.mark.case("helm-1")
async def test_a_new_release_gets_its_finalizer_first(releases):
    created = await releases.release(labels=releases.mine)
    assert created["status"] == {"observedGeneration": -1}
    with releases.own():
        *_, seen = await releases.versions(
            HELM_RELEASE, created, lambda obj: obj["metadata"].get("finalizers")
        )
    assert seen["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    assert seen["status"] == {"observedGeneration": -1}


@pytest.mark.case("helm-2")
async def test_a_template_beside_a_reference_is_refused(releases):
    with pytest.raises(Invalid, match="either chart or chartRef must be set"):
        await releases.release(chart=chart_template(), chartRef={"kind": "HelmChart", "name": "x"})


@pytest.mark.case("helm-3")
@pytest.mark.case("helm-4")
async def test_a_chart_template_has_a_helm_chart_of_its_own(releases, config_map_template):
    await releases.release("web", chart=chart_template())
    name = f"{releases.namespace}-web"
    chart = await releases.until(HELM_CHART, name, lambda obj: obj is not None)
    assert chart["metadata"]["labels"] == {
        "helm.toolkit.fluxcd.io/name": "web",
        "helm.toolkit.fluxcd.io/namespace": releases.namespace,
    }
    assert chart["spec"]["chart"] == "web"

    def named(obj):
        return obj["status"].get("helmChart") == f"{releases.namespace}/{name}"

    await releases.until(HELM_RELEASE, "web", named)
    await releases.chart(config_map_template)
    await releases.change("web", chart=None, chartRef={"kind": "OCIRepository", "name": "chart"})
    obj = await releases.ready("web")
    assert "helmChart" not in obj["status"]
    await releases.gone(HELM_CHART, name)


@pytest.mark.case("helm-9")
async def test_a_release_waits_for_what_it_depends_on(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release("late", dependsOn=[{"name": "early"}])
    obj = await releases.fails("DependencyNotReady", name="late")
    assert obj["status"]["observedGeneration"] == -1
    event = await releases.event("dependency", "late")
    assert event["type"] == "Normal"
    await releases.release("early")
    await releases.ready("late")


@pytest.mark.case("helm-10")
async def test_a_release_goes_on_as_soon_as_its_chart_is_there(releases, config_map_template):
    await releases.announce(None)
    await releases.release()
    await releases.fails("SourceNotReady", "is not ready")
    await releases.chart(config_map_template)
    await releases.ready()
    assert not [text for text in await releases.events("app") if "not ready" in text]


@pytest.mark.case("helm-11")
async def test_values_from_a_missing_secret(releases, config_map_template):
    await releases.chart(config_map_template)
    reference = {"kind": "Secret", "name": "missing"}
    await releases.release(valuesFrom=[reference])
    await releases.fails("ValuesError", f"Secret chart values reference '{releases.namespace}/missing'")
    await releases.change(valuesFrom=[{**reference, "optional": True}])
    await releases.ready()


@pytest.mark.case("helm-12")
async def test_a_text_with_commas_is_no_value_unless_it_is_literal(releases, config_map_template):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "values"}}
    await releases.create({**secret, "stringData": {"greeting": "hallo:1,bonjour:2"}})
    await releases.chart(config_map_template)
    reference = {"kind": "Secret", "name": "values", "valuesKey": "greeting", "targetPath": "greeting"}
    await releases.release(valuesFrom=[reference])
    obj = await releases.fails("ValuesError", "literal: true")
    assert "bonjour" not in json.dumps(obj["status"]).decode()
    await releases.change(valuesFrom=[{**reference, "literal": True}])
    await releases.ready()
    config = await releases.live("ConfigMap", "app-config")
    assert config["data"]["greeting"] == "hallo:1,bonjour:2"


@pytest.mark.case("helm-16")
async def test_a_release_that_helm_made_is_taken_over(releases, config_map_template, tmp_path):
    folder = tmp_path / "demo"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: demo\nversion: 1.0.0\n")
    (folder / "templates" / "config.yaml").write_text(config_map_template["config.yaml"])
    options = ("--server-side=false", "--set", "greeting=first", "--labels", "team=x")
    releases.helm("install", "app", str(folder), *options)
    await releases.chart(config_map_template)
    await releases.release(values={"greeting": "first"})
    obj = await releases.upgraded(2)
    assert [(each["revision"], each["status"]) for each in releases.helm_history()] == [
        (1, "superseded"),
        (2, "deployed"),
    ]
    assert (await releases.reconcile())["status"]["history"] == obj["status"]["history"]
    await releases.change(values={"greeting": None})
    await releases.upgraded(3)
    assert (await releases.live("ConfigMap", "app-config"))["data"]["greeting"] == "hello"
    assert releases.helm("list", "--selector=team=x", "--short").split() == ["app"]


@pytest.mark.case("helm-27")
async def test_a_release_that_was_left_pending_is_freed(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(labels=releases.mine)
    with releases.own() as process:
        await releases.upgraded(1)
        process.kill()
    # As a controller leaves it that dies in the middle of an upgrade.
    secrets = await releases.resource("Secret")
    name = "sh.helm.release.v1.app.v1"
    live = await releases.client.get(secrets, releases.namespace, name)
    record = (await releases.records())[0]
    record |= {"version": 2, "info": record["info"] | {"status": "pending-upgrade"}}
    await releases.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "sh.helm.release.v1.app.v2",
                "labels": live["metadata"]["labels"] | {"status": "pending-upgrade", "version": "2"},
            },
            "type": live["type"],
            "data": {"release": packed(record)},
        }
    )
    with releases.own():
        await releases.reconcile()
        await releases.event("in pending-upgrade state", "app")
        await releases.upgraded(3)
    history = releases.helm_history()
    assert [(each["revision"], each["status"]) for each in history] == [
        (1, "superseded"),
        (2, "failed"),
        (3, "deployed"),
    ]
    assert history[1]["description"] == "Release unlocked from stale 'pending-upgrade' state"


@pytest.mark.case("helm-52")
async def test_a_controller_that_dies_while_it_waits_leaves_nothing_behind(releases, deployment_template):
    await releases.chart(deployment_template, values={"replicas": 1})
    upgrade = {"remediation": {"retries": 3}}
    await releases.release(labels=releases.mine, upgrade=upgrade, install={"remediation": {"retries": 3}})
    with releases.own() as process:
        await releases.until("Deployment.apps", "app", lambda obj: obj is not None)
        process.kill()
    (record,) = await releases.records()
    assert record["info"]["status"] == "pending-install"
    await releases.chart(deployment_template, values={"replicas": 0}, version="1.0.1")
    with releases.own():
        await releases.event("Unlocked Helm release", "app")
        await releases.ready()
    history = releases.helm_history()
    assert [(each["revision"], each["status"]) for each in history] == [(1, "failed"), (2, "deployed")]


@pytest.mark.case("helm-41")
async def test_definitions_are_created_and_only_replaced_on_demand(releases, config_map_template, cluster):
    group = releases.namespace.replace("-", "")
    name = f"{group}things.{group}.example.com"

    def crds(words):
        return {"crds/thing.yaml": DEFINITION.replace("GROUP", group).replace("WORDS", words)}

    def described():
        path = "{.spec.versions[0].schema.openAPIV3Schema.description}"
        return cluster.kubectl("get", "crd", name, "-o", f"jsonpath={path}")

    await releases.chart(config_map_template, files=crds("one"))
    await releases.release()
    obj = await releases.upgraded(1)
    assert (
        obj["status"]["inventory"]["entries"][-1]["id"]
        == f"_{name}_apiextensions.k8s.io_CustomResourceDefinition"
    )
    assert described() == "one"
    await releases.chart(config_map_template, files=crds("two"), version="1.0.1")
    await releases.upgraded(2)
    assert described() == "one"
    await releases.change(upgrade={"crds": "CreateReplace"}, values={"greeting": "x"})
    await releases.upgraded(3)
    assert described() == "two"
    await releases.remove()
    assert described() == "two"
    cluster.kubectl("delete", "crd", name)


@pytest.mark.case("helm-42")
async def test_another_name_is_another_release(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release()
    await releases.upgraded(1)
    await releases.change(releaseName="other")
    await releases.until(
        HELM_RELEASE,
        "app",
        lambda obj: (
            (obj["status"].get("history") or [{}])[0].get("name") == "other"
            and releases.condition(obj, "Ready")["status"] == "True"
        ),
    )
    assert await releases.records("app") == []
    assert await releases.live("ConfigMap", "app-config") is None
    assert await releases.live("ConfigMap", "other-config") is not None


@pytest.mark.case("helm-43")
async def test_a_chart_of_another_name_is_installed_anew_unless_it_may_be_an_upgrade(
    releases, config_map_template
):
    await releases.chart(config_map_template)
    await releases.release(upgrade={"chartNameChangeStrategy": "InPlaceUpdate"})
    await releases.upgraded(1)
    await releases.chart(config_map_template, name="second")
    await releases.upgraded(2)
    await releases.change(upgrade=None)
    await releases.ready()
    await releases.chart(config_map_template, name="third")

    def anew(obj):
        (first, *_) = obj["status"].get("history") or [{}]
        return (first.get("chartName"), first.get("version")) == ("third", 1)

    await releases.until(HELM_RELEASE, "app", anew)
    assert [each["version"] for each in await releases.records()] == [1]


@pytest.mark.case("helm-46")
async def test_without_its_account_a_deleted_release_just_goes(releases, config_map_template, cluster):
    tenant(cluster, releases.namespace)
    await releases.chart(config_map_template)
    await releases.release(serviceAccountName="tenant")
    await releases.ready()
    cluster.kubectl("delete", "serviceaccount", "tenant", "-n", releases.namespace)
    await releases.remove()
    assert await releases.live("ConfigMap", "app-config") is not None


async def test_without_its_account_a_release_is_not_left_behind_for_another(
    releases, config_map_template, cluster
):
    tenant(cluster, releases.namespace)
    await releases.chart(config_map_template)
    await releases.release(serviceAccountName="tenant")
    await releases.ready()
    cluster.kubectl("delete", "serviceaccount,rolebinding", "tenant", "-n", releases.namespace)
    await releases.change(releaseName="other")
    obj = await releases.fails("UninstallFailed", "forbidden")
    assert [each["name"] for each in obj["status"]["history"]] == ["app"]
    tenant(cluster, releases.namespace)
    await releases.reconcile()
    await releases.ready()
    assert await releases.records("app") == []
    assert await releases.live("ConfigMap", "app-config") is None
    assert await releases.live("ConfigMap", "other-config") is not None


@pytest.mark.case("helm-47")
async def test_a_kept_history_has_to_be_replaced(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(uninstall={"keepHistory": True})
    await releases.ready()
    await releases.remove()
    (record,) = await releases.records()
    assert record["info"]["status"] == "uninstalled"
    await releases.release()
    await releases.fails("InstallFailed", "cannot reuse a name that is still in use")
    await releases.change(install={"replace": True})
    await releases.upgraded(2)


@pytest.mark.case("helm-49")
async def test_a_change_ends_a_wait_that_leads_nowhere(releases, deployment_template):
    await releases.chart(deployment_template, values={"replicas": 1})
    await releases.release()
    await releases.states("Reconciling", "Progressing", "Running 'install' action")
    await releases.until("Deployment.apps", "app", lambda obj: obj is not None)
    await releases.change(values={"replicas": 0})
    await releases.event("Health checks canceled", "app")
    await releases.upgraded(2)


async def test_a_mere_request_lets_a_wait_go_on(releases, deployment_template, config_map_template):
    await releases.chart(deployment_template, values={"replicas": 1})
    await releases.release()
    await releases.until("Deployment.apps", "app", lambda obj: obj is not None)
    request = {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}
    await releases.edit(HELM_RELEASE, "app", {"metadata": request})
    # Who hears of this one has heard of the request before.
    await releases.chart(config_map_template, source="other")
    await releases.release("other", source="other")
    await releases.ready("other")
    await releases.edit("Deployment.apps", "app", {"spec": {"replicas": 0}})

    def answered(obj):
        return obj["status"].get("lastHandledReconcileAt") == "now"

    await releases.until(HELM_RELEASE, "app", answered)
    obj = await releases.upgraded(1)
    assert [each["status"] for each in obj["status"]["history"]] == ["deployed"]
    assert not [text for text in await releases.events("app") if "canceled" in text]


async def values_from(releases, name, text):
    labels = {"reconcile.fluxcd.io/watch": "Enabled"}
    metadata = {"name": name, "labels": labels}
    await releases.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"values.yaml": text}}
    )
    return [{"kind": "ConfigMap", "name": name}]


async def test_only_other_values_of_a_reference_end_a_wait(
    releases, deployment_template, config_map_template
):
    references = await values_from(releases, "values", "replicas: 1")
    await releases.chart(deployment_template)
    await releases.release(valuesFrom=references)
    await releases.chart(config_map_template, source="other")
    await releases.release("other", source="other", valuesFrom=await values_from(releases, "more", "a: 1"))
    await releases.ready("other")
    await releases.until("Deployment.apps", "app", lambda obj: obj is not None)
    await releases.edit("ConfigMap", "values", {"metadata": {"annotations": {"seen": "now"}}})
    # Who hears of this one has heard of the annotation before.
    await releases.edit("ConfigMap", "more", {"data": {"values.yaml": "a: 2"}})
    await releases.upgraded(2, "other")
    assert not [text for text in await releases.events("app") if "canceled" in text]
    await releases.edit("ConfigMap", "values", {"data": {"values.yaml": "replicas: 0"}})
    obj = await releases.upgraded(2)
    assert [each["status"] for each in obj["status"]["history"]] == ["deployed", "failed"]
    assert not {"failures", "installFailures", "upgradeFailures"} & obj["status"].keys()
    await releases.event(f"triggered by ConfigMap/{releases.namespace}/values", "app")


@pytest.mark.case("helm-50")
async def test_a_value_that_goes_takes_its_field_with_it(releases):
    template = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-config}\ndata: {{ .Values.data | toJson }}\n"
    )
    await releases.chart({"config.yaml": template})
    await releases.release(values={"data": {"a": "1", "b": "2"}})
    await releases.upgraded(1)
    await releases.change(values={"data": {"a": "1", "b": None}})
    await releases.upgraded(2)
    assert (await releases.live("ConfigMap", "app-config"))["data"] == {"a": "1"}


@pytest.mark.case("helm-51")
async def test_a_release_that_is_too_large_is_refused_with_its_size(releases, config_map_template):
    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=1_400_000))
    await releases.chart(config_map_template, files={"noise.txt": noise})
    await releases.release()
    await releases.fails("InstallFailed", "a Secret holds 1048576 at most")
    assert await releases.records() == []


def tenant(cluster, namespace):
    cluster.kubectl("create", "serviceaccount", "tenant", "-n", namespace)
    cluster.kubectl(
        "create", "rolebinding", "tenant", "-n", namespace, "--clusterrole=admin",
        f"--serviceaccount={namespace}:tenant",
    )  # fmt: skip


def packed(record):
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record)))).decode()
