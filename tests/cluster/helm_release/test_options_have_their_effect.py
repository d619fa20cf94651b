"""Each option of an action does what it says, and nothing where it says nothing."""

import pytest

from shared.testing.definitions import define
from shared.testing.helm import HELM_RELEASE

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: app-config}
data: {value: {{ .Values.value | default "first" | quote }}}
"""
EXTRA = """
apiVersion: v1
kind: ConfigMap
metadata: {name: app-extra}
"""
#: The server refuses it: there is no such port.
REFUSED = """
apiVersion: v1
kind: Service
metadata: {name: refused}
spec: {ports: [{port: 99999}]}
"""
FAILING_HOOK = REFUSED.replace(
    "{name: refused}", '{name: refused, annotations: {"helm.sh/hook": post-upgrade}}'
)


async def added_by_others(releases):
    await releases.edit("ConfigMap", "app-config", {"data": {"theirs": "x"}})


@pytest.mark.parametrize(
    ("server_side", "force", "stays"),
    [(False, False, True), (False, True, False), (True, True, True)],
    ids=["patched", "replaced", "server-side-it-means-nothing"],
)
async def test_force_replaces(releases, server_side, force, stays):
    await releases.chart({"config.yaml": CONFIG})
    await releases.release(install={"serverSideApply": server_side}, upgrade={"force": force})
    await releases.upgraded(1)
    await added_by_others(releases)
    await releases.change(values={"value": "second"})
    await releases.upgraded(2)
    config = await releases.live("ConfigMap", "app-config")
    assert config["data"] == {"value": "second", **({"theirs": "x"} if stays else {})}
    records = await releases.records()
    assert {each["apply_method"] for each in records} == {"ssa" if server_side else "csa"}


@pytest.mark.parametrize("server_side", [True, False])
@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("failing", [REFUSED, FAILING_HOOK], ids=["object", "hook"])
async def test_what_a_failed_upgrade_created_is_cleaned_up_on_demand(releases, clean, failing, server_side):
    await releases.chart({"config.yaml": CONFIG})
    await releases.release(
        install={"serverSideApply": server_side}, upgrade={"cleanupOnFail": clean}, values={"value": "1"}
    )
    await releases.upgraded(1)
    await releases.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app-adopted"}, "data": {"a": "b"}}
    )
    adopted = EXTRA.replace("app-extra", "app-adopted")
    await releases.chart(
        {"config.yaml": CONFIG, "extra.yaml": EXTRA, "adopted.yaml": adopted, "failing.yaml": failing},
        version="2.0.0",
    )
    await releases.states("Released", "UpgradeFailed", "99999")
    assert (await releases.live("ConfigMap", "app-extra") is None) is clean
    assert await releases.live("ConfigMap", "app-adopted") is not None
    assert await releases.live("ConfigMap", "app-config") is not None


@pytest.mark.parametrize("clean", [True, False])
async def test_what_a_failed_rollback_created_is_cleaned_up_on_demand(releases, clean):
    await releases.chart({"config.yaml": CONFIG, "extra.yaml": EXTRA})
    await releases.release(
        rollback={"cleanupOnFail": clean},
        upgrade={"remediation": {"retries": 0, "remediateLastFailure": True}},
    )
    await releases.upgraded(1)
    # The upgrade fails at its end, and what it did can't be taken back.
    final = CONFIG.replace('"first"', '"second"') + "immutable: true\n"
    await releases.chart({"config.yaml": final, "hook.yaml": FAILING_HOOK}, version="2.0.0")
    await releases.states("Remediated", "RollbackFailed", "immutable")
    assert (await releases.live("ConfigMap", "app-extra") is None) is clean
    statuses = [each["info"]["status"] for each in await releases.records()]
    assert statuses == ["deployed", "superseded", "failed"]


async def test_recreate_is_only_warned_of(releases):
    await releases.chart({"config.yaml": CONFIG})
    await releases.release(rollback={"recreate": True})
    await releases.ready()
    log = releases.process.log.read_text()
    # One per turn; there is a second one if the chart was not seen by the first.
    lines = [each for each in log.splitlines() if "recreate" in each and releases.namespace in each]
    assert lines
    assert all("deprecated" in line for line in lines)


@pytest.mark.parametrize("action", ["install", "upgrade"])
async def test_values_that_the_schema_of_the_chart_refuses(releases, action):
    schema = '{"properties": {"value": {"type": "string"}}}'
    await releases.chart({"config.yaml": CONFIG}, files={"values.schema.json": schema})
    wrong = {"value": 1}
    if action == "upgrade":
        await releases.release(values={"value": "fine"})
        await releases.upgraded(1)
        await releases.change(values=wrong)
    else:
        await releases.release(values=wrong)
    await releases.states("Released", f"{action.capitalize()}Failed", "value")
    await releases.change(**{action: {"disableSchemaValidation": True}})
    await releases.ready(reason=f"{action.capitalize()}Succeeded")
    assert (await releases.live("ConfigMap", "app-config"))["data"] == {"value": "1"}


@pytest.mark.parametrize(("helm3", "method"), [(True, "csa"), (False, "ssa")])
async def test_installations_are_client_side_by_the_defaults_of_helm_3(releases, helm3, method):
    await releases.chart({"config.yaml": CONFIG})
    with releases.own(f"--feature-gates=UseHelm3Defaults={str(helm3).lower()}"):
        await releases.release(labels=releases.mine)
        await releases.upgraded(1)
        assert [each["apply_method"] for each in await releases.records()] == [method]


async def test_the_way_of_the_last_release_goes_on(releases):
    await releases.chart({"config.yaml": CONFIG})
    await releases.release(install={"serverSideApply": False}, values={"value": "first"})
    await releases.upgraded(1)
    for version, way, method in ((2, "auto", "csa"), (3, "enabled", "ssa"), (4, "auto", "ssa")):
        await releases.change(values={"value": method + str(version)}, upgrade={"serverSideApply": way})
        await releases.upgraded(version)
        assert (await releases.records())[-1]["apply_method"] == method
        assert (await releases.live("ConfigMap", "app-config"))["data"] == {"value": method + str(version)}


async def test_a_rollback_goes_the_way_of_its_target(releases):
    await releases.chart({"config.yaml": CONFIG})
    await releases.release(
        install={"serverSideApply": False},
        upgrade={
            "serverSideApply": "enabled",
            "remediation": {"retries": 0, "remediateLastFailure": True},
        },
    )
    await releases.upgraded(1)
    await releases.chart({"config.yaml": CONFIG, "hook.yaml": FAILING_HOOK}, version="2.0.0")
    await releases.states("Remediated", "RollbackSucceeded")
    assert [each["apply_method"] for each in await releases.records()] == ["csa", "ssa", "csa"]


@pytest.mark.parametrize("disabled", [True, False])
async def test_hooks_of_rollbacks_and_uninstallations_may_be_left_out(releases, disabled):
    hooks = {
        f"{event}.yaml": EXTRA.replace(
            "{name: app-extra}", f'{{name: app-{event}, annotations: {{"helm.sh/hook": {event}}}}}'
        )
        for event in ("pre-rollback", "post-rollback", "pre-delete", "post-delete")
    }
    await releases.chart({"config.yaml": CONFIG, **hooks})
    await releases.release(
        rollback={"disableHooks": disabled},
        uninstall={"disableHooks": disabled},
        upgrade={"remediation": {"retries": 0, "remediateLastFailure": True}},
    )
    await releases.upgraded(1)
    await releases.chart({"config.yaml": CONFIG, "hook.yaml": FAILING_HOOK}, version="2.0.0")
    await releases.states("Remediated", "RollbackSucceeded")
    await releases.remove()
    left = [] if disabled else ["app-post-delete", "app-post-rollback", "app-pre-delete", "app-pre-rollback"]
    assert await releases.names() == left


async def test_nobody_waits_where_waiting_is_off(releases, deployment_template):
    await releases.chart(deployment_template, values={"replicas": 1})
    await releases.release(install={"disableWait": True}, upgrade={"disableWait": True})
    await releases.upgraded(1)
    await releases.change(values={"replicas": 2})
    await releases.upgraded(2)


@pytest.mark.parametrize("disabled", [True, False])
async def test_a_rollback_waits_unless_that_is_off(releases, deployment_template, disabled):
    await releases.chart(deployment_template, values={"replicas": 1})
    await releases.release(
        install={"disableWait": True},
        rollback={"disableWait": disabled, "timeout": "2s"},
        upgrade={"remediation": {"retries": 0, "remediateLastFailure": True}},
    )
    await releases.upgraded(1)
    await releases.chart({**deployment_template, "failing.yaml": REFUSED}, version="2.0.0")
    await releases.states("Remediated", "RollbackSucceeded" if disabled else "RollbackFailed")


@pytest.mark.parametrize("disabled", [True, False])
async def test_an_uninstallation_waits_unless_that_is_off(releases, disabled):
    held = CONFIG.replace("{name: app-config}", "{name: app-config, finalizers: [test.headrace.io/held]}")
    await releases.chart({"config.yaml": held})
    await releases.release(uninstall={"disableWait": disabled, "timeout": "2s"})
    await releases.upgraded(1)
    await releases.delete(HELM_RELEASE, "app")
    if disabled:
        await releases.gone(HELM_RELEASE, "app")
    else:
        await releases.states("Released", "UninstallFailed")
    assert (await releases.live("ConfigMap", "app-config"))["metadata"]["deletionTimestamp"]
    await releases.edit("ConfigMap", "app-config", {"metadata": {"finalizers": None}})
    await releases.gone(HELM_RELEASE, "app")


async def test_kinds_are_looked_up_again_where_the_client_does_not_persist(releases, cluster):
    group = f"{releases.namespace}.example.com"
    thing = (
        f"apiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: a}}\nspec: {{{{ .Values.spec | toJson }}}}\n"
    )
    try:
        define(cluster, definition(group, "things"))
        await releases.chart({"thing.yaml": thing})
        await releases.release(persistentClient=False, values={"spec": {"size": 1}})
        await releases.upgraded(1)
        cluster.kubectl("delete", "crd", f"things.{group}")
        define(cluster, definition(group, "thingies"))
        await releases.change(values={"spec": {"size": 2}})
        await releases.upgraded(2)
        assert cluster.kubectl("get", f"thingies.{group}", "-n", releases.namespace, "-o", "name")
    finally:
        for plural in ("things", "thingies"):
            cluster.kubectl("delete", "crd", f"{plural}.{group}", "--ignore-not-found")


def definition(group, plural):
    return f"""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  names: {{plural: {plural}, singular: thing, kind: Thing, listKind: ThingList}}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"""


async def test_values_of_before_are_preserved_by_one_upgrade(releases):
    await releases.chart({"config.yaml": CONFIG})
    await releases.release(values={"value": "first", "more": 2}, upgrade={"preserveValues": True})
    await releases.upgraded(1)
    await releases.change(values={"value": "second", "more": None})
    await releases.upgraded(2)
    obj = await releases.reconcile()
    assert releases.condition(obj, "Ready")["reason"] == "UpgradeSucceeded"
    assert [each["version"] for each in await releases.records()] == [1, 2]
    assert (await releases.records())[1]["config"] == {"value": "second", "more": 2}
