"""Hooks: their order, what is deleted when, what a failing one leaves."""

import asyncio

import pytest

from shared.testing.helm_twins import HelmRefused, assert_equal

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {value: {{ .Values.value | default "none" | quote }}}
"""


def hook(name, events, *, weight="0", policy="", kind="ConfigMap", more=""):
    annotations = f'"helm.sh/hook": "{events}", "helm.sh/hook-weight": "{weight}"'
    if policy:
        annotations += f', "helm.sh/hook-delete-policy": "{policy}"'
    return f"""
apiVersion: v1
kind: {kind}
metadata:
  name: {name}
  annotations: {{{annotations}}}
{more}
"""


HOOKS = {
    "a.yaml": hook("late", "pre-install,pre-upgrade", weight="5"),
    "b.yaml": hook("early", "pre-install,pre-upgrade", weight="-5"),
    "c.yaml": hook("gone-after", "pre-install,pre-upgrade", policy="hook-succeeded"),
    "d.yaml": hook("gone-before", "post-install,post-upgrade", policy="before-hook-creation"),
    "e.yaml": hook("both", "post-install,post-upgrade", policy="before-hook-creation,hook-succeeded"),
    "f.yaml": hook("on-failure", "post-install,post-upgrade", policy="before-hook-creation,hook-failed"),
    "g.yaml": hook("delete", "pre-delete,post-delete", policy="before-hook-creation"),
    "h.yaml": hook("test", "test"),
    "i.yaml": hook("secret", "pre-install", kind="Secret", more='stringData: {a: "b"}'),
    "config.yaml": CONFIG,
}
BROKEN = """
apiVersion: v1
kind: Service
metadata: {name: broken}
spec: {ports: [{port: 99999}]}
"""
RUNS = """
spec:
  automountServiceAccountToken: false
  restartPolicy: Never
  containers: [{name: main, image: "main:1"}]
"""
ON_PURPOSE = {
    # Helm applies the hooks of an uninstallation server-side, whatever the release is, and the server refuses
    # then what it took at the installation. They are made here as all other hooks of the release.
    "/ConfigMap/delete/metadata/owned": "hooks of an uninstallation",
    # Helm forgets its policies when the server refuses a hook. They are followed here after any end.
    "/ConfigMap/gone-after": "hooks that ran before one that is refused",
}
#: The server refuses it: there is no such port.
REFUSED = hook("refused", "pre-upgrade", kind="Service", more="spec: {ports: [{port: 99999}]}", weight="3")


async def test_hooks_of_all_kinds(twins, chart, how, again):
    await twins.publish(chart(HOOKS))
    flags, spec = how
    await twins.install(*flags, **spec)
    await twins.assert_alike()
    await twins.upgrade(2, *again, values={"value": "other"})
    await twins.assert_alike()


async def test_tests(twins, chart, how):
    await twins.publish(chart(HOOKS))
    flags, spec = how
    await twins.install(*flags, **spec, test={"enable": True})
    twins.helm("test", "app")
    await twins.ours.ready("app", reason="TestSucceeded")
    await twins.assert_alike()


async def test_no_hooks(twins, chart, how):
    await twins.publish(chart(HOOKS))
    flags, spec = how
    spec["install"]["disableHooks"] = True
    await twins.install(*flags, "--no-hooks", **spec)
    await twins.assert_alike()


async def test_an_uninstallation(twins, chart, how):
    await twins.publish(chart(HOOKS))
    flags, spec = how
    await twins.install(*flags, **spec)
    await twins.uninstall()
    assert_equal(*await twins.objects(), but=ON_PURPOSE)
    assert await twins.records() == ([], [])
    assert "ConfigMap/delete" in (await twins.objects())[0]


async def test_an_uninstallation_that_keeps_its_history(twins, chart, how, again):
    await twins.publish(chart(HOOKS))
    flags, spec = how
    await twins.install(*flags, **spec, uninstall={"keepHistory": True})
    await twins.upgrade(2, *again, values={"value": "other"})
    await twins.uninstall("--keep-history")
    assert_equal(*await twins.objects(), but=ON_PURPOSE)
    assert_equal(*await twins.records())


async def test_a_failing_hook_and_what_follows(twins, chart, how, again):
    await twins.publish(chart(HOOKS))
    flags, spec = how
    await twins.install(*flags, **spec)
    await twins.publish(chart({**HOOKS, "refused.yaml": REFUSED}, version="2.0.0"))
    with pytest.raises(HelmRefused):
        twins.upgrade_theirs(*again, values={"value": "other"})
    await twins.want(values={"value": "other"}, suspend=False)
    await twins.ours.states("Released", "UpgradeFailed")
    assert_equal(*await twins.objects(), but=ON_PURPOSE)
    ours, theirs = await twins.records()
    assert "pre-upgrade" in ours[1]["info"]["description"]
    assert_equal(_undescribed(ours), _undescribed(theirs))


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_hooks_that_run(twins, chart, how, phase):
    """Pods, which end as it is written into their status here: there is no node."""
    runs = {
        policy: hook(f"runs-{policy}", "pre-install", kind="Pod", policy=policy, weight=weight, more=RUNS)
        for policy, weight in (("hook-succeeded", "1"), ("before-hook-creation", "2"), ("hook-failed", "3"))
    }
    await twins.publish(chart({f"{name}.yaml": text for name, text in runs.items()}))
    flags, spec = how
    async with asyncio.TaskGroup() as group:
        group.create_task(twins.end_pod("runs-hook-succeeded", "Succeeded"))
        group.create_task(twins.end_pod("runs-before-hook-creation", "Succeeded"))
        group.create_task(twins.end_pod("runs-hook-failed", phase))
        group.create_task(asyncio.to_thread(twins.install_theirs, *flags, fails=phase == "Failed"))
        await twins.ours.release("app", labels=twins.labels, **spec)
        await twins.ours.states("Released", f"Install{phase}", seconds=60)
    assert_equal(*await twins.objects())
    ours, theirs = await twins.records()
    assert [each["last_run"]["phase"] for each in ours[0]["hooks"]].count(phase) > 0
    assert_equal(_undescribed(ours), _undescribed(theirs))


async def test_a_rollback(twins, chart, how, again):
    await twins.publish(chart(HOOKS))
    flags, spec = how
    await twins.install(*flags, **spec, upgrade={"remediation": {"retries": 0, "remediateLastFailure": True}})
    await twins.upgrade(2, *again, values={"value": "other"})
    broken = (
        CONFIG
        + "---\napiVersion: v1\nkind: Service\nmetadata: {name: broken}\nspec: {ports: [{port: 99999}]}"
    )
    more = CONFIG.replace("{{ .Release.Name }}", "more")
    templates = {**HOOKS, "config.yaml": broken, "more.yaml": more}
    await twins.publish(chart(templates, version="2.0.0"))
    with pytest.raises(HelmRefused):
        twins.upgrade_theirs(*again, values={"value": "third"})
    twins.helm("rollback", "app", "2", "--wait=watcher", "--wait-for-jobs", *again)
    await twins.want(values={"value": "third"}, suspend=False)
    await twins.ours.states("Remediated", "RollbackSucceeded")
    assert_equal(*await twins.objects(), but=ON_PURPOSE)
    ours, theirs = await twins.records()
    assert [each["info"]["status"] for each in ours] == ["superseded", "superseded", "failed", "deployed"]
    assert_equal(_undescribed(ours), _undescribed(theirs))


def _undescribed(records):
    """Without what is said of failures, which quotes the server in other words than Helm does."""
    for record in records:
        if record["info"]["status"] in ("failed", "superseded") and "failed" in record["info"]["description"]:
            record["info"]["description"] = "FAILED"
    return records
