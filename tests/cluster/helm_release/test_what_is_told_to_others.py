"""Events and metrics, and fights over fields."""

import asyncio
import re

import pytest

from shared.lang import json
from shared.testing.patience import PATIENCE

TEST = """
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test}
spec: {restartPolicy: Never, containers: [{name: main, image: "main:1"}]}
"""


async def told(releases, name="app"):
    """Types and reasons of the events about a HelmRelease."""
    resource = await releases.resource("Event")
    found = await releases.client.list(
        resource, releases.namespace, field_selector=f"involvedObject.name={name}"
    )
    return {(event["type"], event["reason"]) for event in found["items"]}


async def test_installations_tests_upgrades_and_removals(releases, config_map_template):
    await releases.chart({**config_map_template, "test.yaml": TEST})
    await releases.release(test={"enable": True, "ignoreFailures": True, "timeout": "1s"})
    await releases.ready(reason="InstallSucceeded")
    await releases.event("Helm test failed", "app")
    await releases.change(values={"greeting": "x"}, test=None)
    await releases.upgraded(2)
    await releases.remove()
    await releases.event("Helm uninstall succeeded", "app")
    assert {
        ("Normal", "InstallSucceeded"),
        ("Warning", "TestFailed"),
        ("Normal", "UpgradeSucceeded"),
        ("Normal", "UninstallSucceeded"),
    } <= await told(releases)


async def test_failures_and_what_follows_them(releases, deployment_template):
    await releases.chart(deployment_template, values={"replicas": 0})
    remediation = {"retries": 0, "remediateLastFailure": True}
    await releases.release(upgrade={"timeout": "2s", "remediation": remediation})
    await releases.upgraded(1)
    await releases.change(values={"replicas": 1})
    await releases.stalls("RetriesExceeded")
    await releases.event("Helm rollback to previous release", "app")
    assert {("Warning", "UpgradeFailed"), ("Normal", "RollbackSucceeded")} <= await told(releases)
    event = await releases.event("Helm rollback to previous release", "app")
    facts = event["metadata"]["annotations"]
    assert facts["helm.toolkit.fluxcd.io/revision"].startswith("1.0.0+")
    assert {"helm.toolkit.fluxcd.io/token", "helm.toolkit.fluxcd.io/oci-digest"} <= facts.keys()


async def test_a_test_that_succeeds(releases, config_map_template):
    test = config_map_template["config.yaml"].replace(
        "-config\n", "-test\n  annotations: {helm.sh/hook: test}\n"
    )
    await releases.chart({**config_map_template, "test.yaml": test})
    await releases.release(test={"enable": True})
    await releases.ready(reason="TestSucceeded")
    await releases.event("1 test hook completed successfully", "app")
    assert ("Normal", "TestSucceeded") in await told(releases)


async def test_a_rollback_that_fails(releases, deployment_template):
    hook = TEST.replace("hook: test", "hook: pre-rollback")
    await releases.chart({**deployment_template, "hook.yaml": hook}, values={"replicas": 0})
    remediation = {"retries": 0, "remediateLastFailure": True}
    await releases.release(upgrade={"timeout": "1s", "remediation": remediation}, rollback={"timeout": "1s"})
    await releases.upgraded(1)
    await releases.change(values={"replicas": 1})
    obj = await releases.states("Remediated", "RollbackFailed", "hook pre-rollback demo/templates/hook.yaml")
    assert releases.condition(obj, "Ready")["status"] == "False"
    await releases.event("Helm rollback to previous release", "app")
    assert ("Warning", "RollbackFailed") in await told(releases)


async def test_an_uninstallation_that_fails(releases, config_map_template):
    hook = TEST.replace("hook: test", "hook: pre-delete")
    await releases.chart({**config_map_template, "hook.yaml": hook})
    await releases.release(uninstall={"timeout": "1s"})
    await releases.upgraded(1)
    await releases.delete("HelmRelease.helm.toolkit.fluxcd.io", "app")
    await releases.fails("UninstallFailed", "hook pre-delete demo/templates/hook.yaml failed")
    await releases.event("Helm uninstall failed", "app")
    assert ("Warning", "UninstallFailed") in await told(releases)
    assert await releases.live("ConfigMap", "app-config") is not None
    await releases.change(suspend=True)
    await releases.gone("HelmRelease.helm.toolkit.fluxcd.io", "app")


async def test_a_failed_installation_and_its_removal(releases, deployment_template):
    await releases.chart(deployment_template, values={"replicas": 1})
    remediation = {"retries": 0, "remediateLastFailure": True}
    await releases.release(install={"timeout": "2s", "remediation": remediation})
    await releases.stalls("RetriesExceeded")
    await releases.event("Helm uninstall remediation", "app")
    assert {("Warning", "InstallFailed"), ("Normal", "UninstallSucceeded")} <= await told(releases)


@pytest.mark.parametrize(
    ("spec", "reason", "type_"),
    [
        ({"dependsOn": [{"name": "missing"}]}, "DependencyNotReady", "Normal"),
        ({"valuesFrom": [{"kind": "Secret", "name": "missing"}]}, "ValuesError", "Warning"),
        (
            {"healthCheckExprs": [{"apiVersion": "v1", "kind": "ConfigMap", "current": "(("}]},
            "InvalidCELExpression",
            "Warning",
        ),
    ],
)
async def test_what_keeps_a_release_from_beginning(releases, config_map_template, spec, reason, type_):
    await releases.chart(config_map_template)
    await releases.release(**spec)
    obj = await releases.fails(reason)
    message = releases.condition(obj, "Ready")["message"]
    event = await releases.event(message[:60], "app")
    assert (event["type"], event["reason"]) == (type_, reason)


async def test_an_artifact_that_is_no_chart(releases):
    artifact = releases.artifacts.publish({"readme.md": "nothing"})
    artifact["revision"] = f"1.0.0@{artifact['digest']}"
    await releases.announce(artifact)
    await releases.release()
    await releases.fails("ArtifactFailed", "Could not load chart")
    event = await releases.event("Could not load chart", "app")
    assert (event["type"], event["reason"]) == ("Warning", "ArtifactFailed")


async def test_sources_elsewhere_that_are_not_allowed(releases):
    ref = {"kind": "OCIRepository", "name": "chart", "namespace": "elsewhere"}
    await releases.release(labels=releases.mine, chartRef=ref)
    with releases.own("--no-cross-namespace-refs"):
        await releases.stalls("AccessDenied")
        event = await releases.event("cross-namespace references are not allowed", "app")
    assert (event["type"], event["reason"]) == ("Warning", "AccessDenied")


async def test_metrics_of_releases(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(driftDetection={"mode": "warn"})
    await releases.upgraded(1)
    await releases.delete("ConfigMap", "app-config")
    await releases.reconcile()
    labels = f'name="app",namespace="{releases.namespace}"'
    text = releases.process.metrics()
    (size,) = re.findall(rf"headrace_helm_storage_bytes\{{{labels}\}} (\S+)", text)
    secret = await releases.live("Secret", "sh.helm.release.v1.app.v1")
    assert abs(float(size) - len(secret["data"]["release"]) * 3 / 4) < 4
    assert f"headrace_helm_drifted{{{labels}}} 1.0" in text
    assert 'headrace_helm_render_seconds_count{result="success"}' in text
    await releases.change(driftDetection=None)
    obj = await releases.ready()
    assert "Drifted" not in {each["type"] for each in obj["status"]["conditions"]}
    assert f"headrace_helm_drifted{{{labels}}}" not in releases.process.metrics()
    await releases.remove()
    async with asyncio.timeout(PATIENCE):  # the watch tells of the end a moment later
        while labels in await asyncio.to_thread(releases.process.metrics):  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.05)


@pytest.fixture
def webhook(cluster, releases):
    """Something that changes a value of all ConfigMaps at each write, but not at rehearsals."""
    name = releases.namespace
    rules = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
        "resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
        ],
    }
    patch = '[JSONPatch{op: "add", path: "/data/greeting", value: "mine"}]'
    policy = {
        "matchConstraints": rules,
        "matchConditions": [{"name": "real", "expression": "has(object.data) && !request.dryRun"}],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
    }
    for kind, spec in (("", policy), ("Binding", {"policyName": name})):
        obj = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"MutatingAdmissionPolicy{kind}",
            "metadata": {"name": name},
            "spec": spec,
        }
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(obj).decode())
    yield
    for kind in ("policybindings", "policies"):
        cluster.kubectl("delete", f"mutatingadmission{kind}", name)


async def test_a_fight_over_a_field_ends_with_the_name_of_the_other(releases, config_map_template, webhook):
    await releases.chart(config_map_template)
    await releases.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}, "data": {"greeting": ""}}
    )
    while (await releases.live("ConfigMap", "probe")).get("data") != {"greeting": "mine"}:
        await releases.edit("ConfigMap", "probe", {"data": {"greeting": "ours"}})
    await releases.release(driftDetection={"mode": "enabled"}, values={"greeting": "ours"})
    obj = await releases.fails("DriftCorrectionFailed", "others change it back at once", seconds=60)
    message = releases.condition(obj, "Drifted")["message"]
    assert f"ConfigMap/{releases.namespace}/app-config is changed again: /data/greeting (" in message
    event = await releases.event("others change it back at once", "app")
    assert (event["type"], event["reason"]) == ("Warning", "DriftCorrectionFailed")
    corrected = [text for text in await releases.events("app") if "has been corrected" in text]
    assert len(corrected) <= 3
