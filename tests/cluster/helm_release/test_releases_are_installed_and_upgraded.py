"""From a chart to a release, and from one revision to the next."""

import pytest

from shared.lang import json
from shared.testing.helm import HELM_RELEASE


@pytest.mark.case("helm-18")
async def test_an_installed_release_says_so(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(values={"greeting": "good morning"})
    obj = await releases.ready(reason="InstallSucceeded")
    full = f"{releases.namespace}/app.v1"
    version = obj["status"]["history"][0]["chartVersion"]
    text = f"Helm install succeeded for release {full} with chart demo@{version}"
    assert releases.condition(obj, "Released")["message"] == text
    assert releases.condition(obj, "Ready")["message"] == text
    config = await releases.live("ConfigMap", "app-config")
    assert config["data"] == {"greeting": "good morning", "upgrade": "false"}
    event = await releases.event("Helm install succeeded", "app")
    annotations = event["metadata"]["annotations"]
    assert annotations["helm.toolkit.fluxcd.io/revision"] == version
    assert annotations["helm.toolkit.fluxcd.io/app-version"] == "app-1.0.0"
    assert annotations["helm.toolkit.fluxcd.io/token"] == obj["status"]["lastAttemptedConfigDigest"]
    assert releases.condition(obj, "Reconciling")["status"] != "True"


async def test_an_object_that_helm_made_before_loses_what_the_chart_lacks(releases, config_map_template):
    left = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "app-config"},
        "data": {"greeting": "hi", "old": "yes"},
    }
    await releases.create(left, manager="helm")
    await releases.edit("ConfigMap", "app-config", {"data": {"theirs": "yes"}}, manager="helm-operator")
    await releases.chart(config_map_template)
    await releases.release()
    await releases.upgraded(1)
    live = await releases.live("ConfigMap", "app-config")
    assert live["data"] == {"greeting": "hello", "upgrade": "false", "theirs": "yes"}
    assert releases.managers(live) == {"helm-controller", "helm-operator"}


@pytest.mark.case("helm-7")
async def test_the_digest_of_the_artifact_is_a_part_of_the_version(releases, config_map_template):
    artifact = await releases.chart(config_map_template, version="1.2.3")
    await releases.release()
    snapshot = (await releases.ready())["status"]["history"][0]
    assert snapshot["chartVersion"] == f"1.2.3+{artifact['digest'].partition(':')[2][:12]}"
    assert snapshot["ociDigest"] == artifact["digest"]


@pytest.mark.case("helm-8")
async def test_a_moved_tag_is_an_upgrade(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release()
    await releases.upgraded(1)
    await releases.chart(
        {**config_map_template, "more.yaml": config_map_template["config.yaml"].replace("-config", "-more")}
    )
    obj = await releases.upgraded(2)
    assert releases.condition(obj, "Ready")["reason"] == "UpgradeSucceeded"
    assert await releases.live("ConfigMap", "app-more") is not None


async def test_helm_reads_what_was_installed(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(values={"greeting": "hi"})
    await releases.upgraded(1)
    await releases.change(values={"greeting": "hey"})
    await releases.upgraded(2)
    history = releases.helm_history()
    assert [(each["revision"], each["status"], each["description"]) for each in history] == [
        (1, "superseded", "Install complete"),
        (2, "deployed", "Upgrade complete"),
    ]
    assert json.loads(releases.helm("get", "values", "app", "--output=json")) == {"greeting": "hey"}
    assert "greeting: hey" in releases.helm("get", "manifest", "app")
    (listed,) = json.loads(releases.helm("list", "--output=json"))
    assert (listed["name"], listed["status"]) == ("app", "deployed")


async def test_objects_that_are_no_longer_in_the_chart_go(releases, config_map_template):
    more = config_map_template["config.yaml"].replace("-config", "-more")
    kept = more.replace("-more", "-kept").replace(
        "\ndata:", "\n  annotations: {helm.sh/resource-policy: keep}\ndata:"
    )
    await releases.chart({**config_map_template, "more.yaml": more, "kept.yaml": kept})
    await releases.release()
    await releases.upgraded(1)
    await releases.chart(config_map_template, version="1.0.1")
    obj = await releases.upgraded(2)
    await releases.gone("ConfigMap", "app-more")
    assert await releases.live("ConfigMap", "app-kept") is not None
    ids = [entry["id"] for entry in obj["status"]["inventory"]["entries"]]
    assert ids == [f"{releases.namespace}_app-config__ConfigMap"]


@pytest.mark.case("helm-28")
async def test_a_request_by_force_upgrades_once(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release()
    await releases.upgraded(1)
    await releases.reconcile(token="now", force="now")
    assert (await releases.upgraded(2))["status"]["lastHandledForceAt"] == "now"
    obj = await releases.reconcile()
    assert obj["status"]["history"][0]["version"] == 2


@pytest.mark.parametrize(
    "way",
    [{"strategy": {"name": "RetryOnFailure"}}, {"remediation": {"retries": 3}}],
    ids=["retry", "remediate"],
)
async def test_a_change_that_comes_with_force_is_one_upgrade(releases, config_map_template, way):
    await releases.chart(config_map_template)
    await releases.release(install=way, upgrade=way)
    await releases.upgraded(1)
    request = {f"reconcile.fluxcd.io/{key}": "now" for key in ("requestedAt", "forceAt")}
    change = {"metadata": {"annotations": request}, "spec": {"values": {"greeting": "again"}}}
    await releases.edit(HELM_RELEASE, "app", change)
    obj = await releases.ready()
    assert obj["status"]["history"][0]["version"] == 2
    assert "Reconciling" not in {each["type"] for each in obj["status"]["conditions"]}


@pytest.mark.case("helm-29")
@pytest.mark.case("runtime-14")
async def test_force_without_a_request_of_the_same_value_is_only_noted(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release()
    await releases.upgraded(1)
    obj = await releases.reconcile(token="one", force="other")
    assert obj["status"]["lastHandledForceAt"] == "other"
    assert len(obj["status"]["history"]) == 1


@pytest.mark.case("runtime-15")
async def test_a_force_that_was_answered_is_not_repeated_by_the_next_process(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(labels=releases.mine)
    with releases.own():
        await releases.upgraded(1)
        await releases.reconcile(token="now", force="now")
        await releases.upgraded(2)
    with releases.own():
        # A spec that changes nothing of the release shows that the new process has had its turn.
        await releases.change(timeout="9m")
        obj = await releases.ready()
    assert obj["status"]["history"][0]["version"] == 2


async def test_another_algorithm_for_digests_is_no_change(releases, deployment_template):
    await releases.chart(deployment_template, values={"replicas": 0})
    await releases.release(labels=releases.mine, values={"replicas": 0})
    with releases.own():
        await releases.upgraded(1)
        await releases.change(values={"replicas": 1}, timeout="2s")
        before = await releases.stalls("RetriesExceeded")
    with releases.own("--snapshot-digest-algo=sha512"):
        after = await releases.reconcile()
        assert releases.condition(after, "Stalled")["status"] == "True"
        assert after["status"]["history"] == before["status"]["history"]
        await releases.change(values={"replicas": 0}, timeout="1m")
        obj = await releases.upgraded(3)
        assert obj["status"]["lastAttemptedConfigDigest"].startswith("sha512:")
    with releases.own("--snapshot-digest-algo=blake3"):
        after = await releases.reconcile()
    assert after["status"]["history"] == obj["status"]["history"]


async def test_nothing_new_means_no_new_revision(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release()
    before = await releases.upgraded(1)
    after = await releases.reconcile()
    assert after["status"]["history"] == before["status"]["history"]
    assert [each["revision"] for each in releases.helm_history()] == [1]


@pytest.mark.case("helm-5")
async def test_a_release_in_another_namespace_keeps_its_records_at_home(
    releases, config_map_template, cluster
):
    target = f"t-{releases.namespace}"[:40]
    await releases.chart(config_map_template)
    await releases.release("n", targetNamespace=target, install={"createNamespace": True})
    await releases.ready("n")
    (record,) = await releases.records(f"{target}-n")
    assert (record["name"], record["namespace"]) == (f"{target}-n", target)
    assert await releases.live("Secret", f"sh.helm.release.v1.{target}-n.v1") is not None
    config = cluster.kubectl("get", "configmap", f"{target}-n-config", "-n", target, "-o", "name")
    assert config.strip() == f"configmap/{target}-n-config"
    await releases.remove("n")
    cluster.kubectl("delete", "namespace", target, "--wait=false")


async def test_a_deleted_release_is_uninstalled(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release()
    await releases.ready()
    await releases.remove()
    assert await releases.live("ConfigMap", "app-config") is None
    assert await releases.records() == []


@pytest.mark.case("helm-45")
async def test_a_suspended_release_stays_when_its_object_goes(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release()
    await releases.ready()
    await releases.change(suspend=True)
    await releases.remove()
    assert await releases.live("ConfigMap", "app-config") is not None
    assert len(await releases.records()) == 1


@pytest.mark.case("helm-44")
async def test_only_so_many_revisions_are_kept(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(maxHistory=2)
    for version in range(1, 5):
        await releases.upgraded(version)
        await releases.change(values={"greeting": f"number {version}"})
    await releases.upgraded(5)
    assert [(each["version"], each["info"]["status"]) for each in await releases.records()] == [
        (4, "superseded"),
        (5, "deployed"),
    ]
