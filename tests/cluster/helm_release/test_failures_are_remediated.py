"""What happens when a release does not become healthy."""

import pytest

NEVER_READY = {"replicas": 1}
READY = {"replicas": 0}


@pytest.mark.case("helm-19")
async def test_a_chart_that_can_not_be_rendered_leaves_no_trace(releases):
    await releases.chart({"bad.yaml": '{{ fail "no way" }}'})
    await releases.release()
    obj = await releases.fails("InstallFailed", "no way")
    assert await releases.records() == []
    assert "installFailures" not in obj["status"]
    assert obj["status"]["failures"] >= 1
    assert obj["status"]["observedGeneration"] == -1


@pytest.mark.case("helm-20")
async def test_without_retries_the_first_failure_is_the_last(releases, deployment_template):
    await releases.chart(deployment_template, values=NEVER_READY)
    await releases.release(timeout="2s")
    obj = await releases.stalls("RetriesExceeded", "Failed to install after 1 attempt(s)")
    assert obj["status"]["installFailures"] == 1
    assert releases.condition(obj, "Ready")["reason"] == "InstallFailed"
    (record,) = await releases.records()
    assert record["info"]["status"] == "failed"


@pytest.mark.case("helm-21")
async def test_a_failed_installation_is_uninstalled_and_tried_again(releases, deployment_template):
    await releases.chart(deployment_template, values=NEVER_READY)
    await releases.release(install={"timeout": "2s", "remediation": {"retries": 1}})
    obj = await releases.stalls("RetriesExceeded", "Failed to install after 2 attempt(s)", seconds=60)
    assert obj["status"]["installFailures"] == 2
    (record,) = await releases.records()
    assert record["info"]["status"] == "failed"
    await releases.event("Helm uninstall remediation for release", "app")


@pytest.mark.case("helm-22")
async def test_the_last_failure_is_remediated_on_demand(releases, deployment_template):
    await releases.chart(deployment_template, values=NEVER_READY)
    remediation = {"retries": 1, "remediateLastFailure": True}
    await releases.release(install={"timeout": "2s", "remediation": remediation})
    await releases.stalls("RetriesExceeded", seconds=60)
    assert await releases.records() == []


@pytest.mark.case("helm-23")
async def test_a_release_that_retries_upgrades_what_is_there(releases, deployment_template):
    await releases.chart(deployment_template, values=NEVER_READY)
    strategy = {"name": "RetryOnFailure", "retryInterval": "1m"}
    await releases.release(install={"timeout": "2s", "strategy": strategy}, upgrade={"strategy": strategy})
    await releases.states("Reconciling", "ProgressingWithRetry", "retrying after 1m0s")
    await releases.chart(deployment_template, values=READY, version="1.0.1")
    obj = await releases.upgraded(2)
    assert releases.condition(obj, "Ready")["reason"] == "UpgradeSucceeded"
    assert not {"failures", "installFailures", "upgradeFailures"} & obj["status"].keys()


@pytest.mark.case("helm-24")
async def test_a_failed_upgrade_is_rolled_back(releases, deployment_template):
    await releases.chart(deployment_template, values=READY)
    await releases.release(upgrade={"timeout": "2s", "remediation": {"retries": 1}})
    await releases.upgraded(1)
    await releases.change(values=NEVER_READY)
    obj = await releases.stalls("RetriesExceeded", "Failed to upgrade after 2 attempt(s)", seconds=60)
    assert releases.condition(obj, "Remediated")["reason"] == "RollbackSucceeded"
    ready = releases.condition(obj, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "RollbackSucceeded")
    records = await releases.records()
    assert [(each["version"], each["info"]["status"]) for each in records] == [
        (1, "superseded"),
        (2, "failed"),
        (3, "superseded"),
        (4, "failed"),
        (5, "deployed"),
    ]
    assert [each["info"].get("rollback_revision") for each in records] == [None, None, 1, None, 3]
    live = await releases.live("Deployment.apps", "app")
    assert live["spec"]["replicas"] == 0


@pytest.mark.case("helm-26")
async def test_what_was_rolled_back_to_is_what_is_wanted_again(releases, deployment_template):
    await releases.chart(deployment_template, values=READY)
    remediation = {"retries": 0, "remediateLastFailure": True}
    await releases.release(values=READY, upgrade={"timeout": "2s", "remediation": remediation})
    await releases.upgraded(1)
    await releases.change(values=NEVER_READY)
    await releases.stalls("RetriesExceeded")
    await releases.change(values=READY, upgrade={"timeout": "1m"})
    obj = await releases.upgraded(3)
    released = releases.condition(obj, "Released")
    assert (released["status"], released["reason"]) == ("True", "UpgradeSucceeded")
    assert "Remediated" not in {each["type"] for each in obj["status"]["conditions"]}


@pytest.mark.case("helm-25")
async def test_without_anything_to_roll_back_to_the_release_stalls(releases, deployment_template):
    await releases.chart(deployment_template, values=NEVER_READY)
    # What is there was made by somebody else, so that the first revision of ours is an upgrade.
    await releases.release(
        install={"disableWait": True}, upgrade={"timeout": "2s", "remediation": {"retries": 1}}
    )
    await releases.upgraded(1)
    (secret,) = [name for name in await releases.names("Secret") if name.startswith("sh.helm")]
    await releases.edit(
        "HelmRelease.helm.toolkit.fluxcd.io", "app", {"status": {"history": None}}, "test", "status"
    )
    await releases.reconcile()
    obj = await releases.stalls("MissingRollbackTarget")
    assert secret
    assert releases.condition(obj, "Ready")["reason"] == "UpgradeFailed"


@pytest.mark.case("helm-30")
async def test_a_reset_gives_a_stalled_release_another_try(releases, deployment_template):
    await releases.chart(deployment_template, values=NEVER_READY)
    await releases.release(timeout="2s")
    await releases.stalls("RetriesExceeded")
    obj = await releases.reconcile(token="again", reset="again")
    assert obj["status"]["lastHandledResetAt"] == "again"
    history = await releases.records()
    assert [each["version"] for each in history] == [1, 2]


@pytest.mark.case("helm-48")
async def test_an_expression_can_end_a_wait_early(releases, deployment_template):
    await releases.chart(deployment_template, values=NEVER_READY)
    check = {"apiVersion": "apps/v1", "kind": "Deployment", "current": "false", "failed": "true"}
    await releases.release(timeout="10m", healthCheckExprs=[check])
    await releases.fails("InstallFailed", "failed early due to stalled resources")
