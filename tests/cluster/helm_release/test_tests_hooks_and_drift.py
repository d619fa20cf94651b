"""Tests of charts, hooks, and what is done about differences."""

import pytest

from shared.lang import yaml

TEST = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test}
"""
TEST_POD = """
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test}
spec: {restartPolicy: Never, containers: [{name: main, image: "main:1"}]}
"""
HOOK = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
data: {revision: {{ .Release.Revision | quote }}}
"""
THINGS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.GROUP.example.com}
spec:
  group: GROUP.example.com
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""


@pytest.mark.case("helm-31")
async def test_a_failed_test_may_be_ignored(releases, config_map_template):
    await releases.chart({**config_map_template, "test.yaml": TEST_POD})
    await releases.release(test={"enable": True, "ignoreFailures": True, "timeout": "1s"})
    obj = await releases.states("TestSuccess", "TestFailed")
    obj = await releases.ready(reason="InstallSucceeded")
    assert releases.condition(obj, "TestSuccess")["status"] == "False"
    assert [each["version"] for each in await releases.records()] == [1]


@pytest.mark.case("helm-32")
async def test_a_test_that_is_enabled_later_runs_alone(releases, config_map_template):
    await releases.chart({**config_map_template, "test.yaml": TEST})
    await releases.release()
    await releases.ready(reason="InstallSucceeded")
    await releases.change(test={"enable": True})
    obj = await releases.ready(reason="TestSucceeded")
    assert obj["status"]["history"][0]["testHooks"]["app-test"]["phase"] == "Succeeded"
    assert [each["version"] for each in await releases.records()] == [1]


@pytest.mark.case("helm-33")
async def test_a_test_by_hand_changes_nothing(releases, config_map_template):
    await releases.chart({**config_map_template, "test.yaml": TEST})
    await releases.release()
    before = await releases.upgraded(1)
    releases.helm("test", "app")
    after = await releases.reconcile()
    assert after["status"]["history"] == before["status"]["history"]


@pytest.mark.case("helm-40")
async def test_hooks_carry_the_labels_of_their_origin_unless_they_are_left_out(releases, config_map_template):
    await releases.chart({**config_map_template, "hook.yaml": HOOK})
    await releases.release()
    await releases.upgraded(1)
    hook = await releases.live("ConfigMap", "app-hook")
    assert hook["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"] == "app"
    await releases.change(postRenderStrategy="nohooks", values={"greeting": "again"})
    await releases.upgraded(2)
    hook = await releases.live("ConfigMap", "app-hook")
    assert hook["data"] == {"revision": "2"}
    assert "labels" not in hook["metadata"]


async def test_a_custom_check_tells_whether_a_hook_has_run(releases, deployment_template):
    await releases.chart({**deployment_template, "hook.yaml": HOOK}, values={"replicas": 0})
    check = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "inProgress": "!has(data.end)",
        "failed": "data.end == 'bad'",
        "current": "data.end == 'good'",
    }
    await releases.release(healthCheckExprs=[check], install={"strategy": {"name": "RetryOnFailure"}})
    hook = await releases.until("ConfigMap", "app-hook", lambda obj: obj is not None)
    assert "end" not in hook["data"]
    await releases.edit("ConfigMap", "app-hook", {"data": {"end": "bad"}})
    await releases.fails(
        "InstallFailed", "failed pre-install: hook pre-install demo/templates/hook.yaml failed"
    )
    await releases.change(timeout="4m")
    again = f"{hook['metadata']['uid']}"
    await releases.until(
        "ConfigMap", "app-hook", lambda obj: obj is not None and obj["metadata"]["uid"] != again
    )
    await releases.edit("ConfigMap", "app-hook", {"data": {"end": "good"}})
    await releases.ready(reason="UpgradeSucceeded")


@pytest.mark.case("helm-34")
async def test_differences_are_put_back(releases, config_map_template, deployment_template):
    await releases.chart({**config_map_template, **deployment_template}, values={"replicas": 0})
    await releases.release(driftDetection={"mode": "enabled"})
    await releases.upgraded(1)
    await releases.delete("ConfigMap", "app-config")
    await releases.edit("Deployment.apps", "app", {"spec": {"replicas": 2}})
    obj = await releases.reconcile()
    config = await releases.live("ConfigMap", "app-config")
    assert config is not None
    assert (await releases.live("Deployment.apps", "app"))["spec"]["replicas"] == 0
    event = await releases.event("has drifted from the desired state", "app")
    assert f"ConfigMap/{releases.namespace}/app-config removed" in event["message"]
    assert (
        f"Deployment/{releases.namespace}/app changed (0 additions, 1 changes, 0 removals)"
        in event["message"]
    )
    await releases.event("has been corrected", "app")
    assert releases.condition(obj, "Drifted")["reason"] == "NoDriftDetected"
    assert [each["version"] for each in await releases.records()] == [1]


@pytest.mark.case("helm-35")
async def test_differences_may_only_be_told(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(driftDetection={"mode": "warn"})
    await releases.upgraded(1)
    await releases.delete("ConfigMap", "app-config")
    obj = await releases.reconcile()
    assert releases.condition(obj, "Drifted")["status"] == "True"
    assert releases.condition(obj, "Ready")["status"] == "True"
    assert await releases.live("ConfigMap", "app-config") is None
    await releases.event("app-config removed", "app")


async def test_differences_are_put_back_though_a_kind_is_gone(releases, config_map_template, cluster):
    group = releases.namespace.replace("-", "")
    definition = THINGS.replace("GROUP", group)
    thing = f"apiVersion: {group}.example.com/v1\nkind: Thing\nmetadata: {{name: one}}\n"
    await releases.chart({**config_map_template, "thing.yaml": thing}, files={"crds/thing.yaml": definition})
    await releases.release(labels=releases.mine, driftDetection={"mode": "enabled"})
    with releases.own():
        await releases.upgraded(1)
    await releases.delete("ConfigMap", "app-config")
    cluster.kubectl("delete", "crd", f"things.{group}.example.com")
    # This process has never known the kind.
    with releases.own():
        await releases.event("app-config created", "app")
        await releases.fails("StateError", "Thing/one: no matches for kind")
        assert await releases.live("ConfigMap", "app-config") is not None
        await releases.create(yaml.load(definition.encode()))
        await releases.ready()
        assert await releases.live(f"Thing.{group}.example.com", "one") is not None
    cluster.kubectl("delete", "crd", f"things.{group}.example.com")


@pytest.mark.case("helm-36")
async def test_ignored_fields_are_no_difference(releases, deployment_template):
    await releases.chart(deployment_template, values={"replicas": 0})
    ignore = [{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}]
    await releases.release(driftDetection={"mode": "enabled", "ignore": ignore})
    await releases.upgraded(1)
    await releases.edit("Deployment.apps", "app", {"spec": {"replicas": 3}})
    obj = await releases.reconcile()
    assert releases.condition(obj, "Drifted")["status"] == "False"
    assert (await releases.live("Deployment.apps", "app"))["spec"]["replicas"] == 3


async def test_whole_objects_may_be_ignored(releases, config_map_template, deployment_template):
    await releases.chart({**config_map_template, **deployment_template}, values={"replicas": 0})
    ignore = [{"paths": [""], "target": {"kind": "Deployment"}}]
    await releases.release(driftDetection={"mode": "enabled", "ignore": ignore})
    await releases.upgraded(1)
    await releases.edit("Deployment.apps", "app", {"spec": {"replicas": 3}})
    await releases.delete("ConfigMap", "app-config")
    obj = await releases.reconcile()
    assert releases.condition(obj, "Drifted")["status"] == "False"
    assert (await releases.live("Deployment.apps", "app"))["spec"]["replicas"] == 3
    assert await releases.live("ConfigMap", "app-config") is not None


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"paths": ["spec/replicas"]}, "'spec/replicas' is not a JSON pointer"),
        ({"paths": ["/spec"], "target": {"name": "("}}, "target.name '(' is not a regular expression"),
        ({"paths": ["/spec"], "target": {"labelSelector": "a in b"}}, "'a in b' is not a selector"),
    ],
)
async def test_rules_that_can_not_be_used_are_told(releases, config_map_template, rule, told):
    await releases.chart(config_map_template)
    await releases.release(driftDetection={"mode": "enabled", "ignore": [rule]})
    await releases.fails("StateError", f"spec.driftDetection.ignore can't be used: {told}")
    await releases.change(driftDetection={"mode": "enabled", "ignore": None})
    await releases.ready()


@pytest.mark.case("helm-37")
async def test_objects_can_opt_out(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(driftDetection={"mode": "enabled"})
    await releases.upgraded(1)
    opt_out = {"annotations": {"helm.toolkit.fluxcd.io/driftDetection": "disabled"}}
    await releases.edit("ConfigMap", "app-config", {"metadata": opt_out, "data": {"greeting": "mine"}})
    obj = await releases.reconcile()
    assert releases.condition(obj, "Drifted")["status"] == "False"
    assert (await releases.live("ConfigMap", "app-config"))["data"]["greeting"] == "mine"


@pytest.mark.case("helm-38")
async def test_new_post_renderers_mean_a_new_revision_and_a_new_timeout_does_not(
    releases, config_map_template
):
    await releases.chart(config_map_template)
    await releases.release()
    await releases.upgraded(1)
    patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-config}\ndata: {patched: 'yes'}"
    await releases.change(postRenderers=[{"kustomize": {"patches": [{"patch": patch}]}}])
    await releases.upgraded(2)
    assert (await releases.live("ConfigMap", "app-config"))["data"]["patched"] == "yes"
    await releases.change(timeout="9m")
    obj = await releases.ready()
    assert obj["status"]["history"][0]["version"] == 2


@pytest.mark.case("helm-39")
async def test_labels_of_the_origin_win(releases, deployment_template):
    await releases.chart(deployment_template, values={"replicas": 0})
    labels = {"helm.toolkit.fluxcd.io/name": "x", "team": "a"}
    await releases.release(commonMetadata={"labels": labels})
    await releases.upgraded(1)
    live = await releases.live("Deployment.apps", "app")
    assert live["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"] == "app"
    assert live["metadata"]["labels"]["team"] == "a"
    assert live["spec"]["template"]["metadata"]["labels"] == {"app": "app"}
