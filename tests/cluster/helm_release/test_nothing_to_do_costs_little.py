"""A release that is as it should be costs a look at its records and a status, and no run of helm."""

from pathlib import Path

import pytest

from helm_controller.release.storage import Storage
from shared.observe.clock import SystemClock
from shared.testing.faulty_api import FaultyApi
from shared.testing.helm import OCI_REPOSITORY

HELM_CHART = "HelmChart.source.toolkit.fluxcd.io"


@pytest.fixture
def api(cluster, tmp_path):
    with FaultyApi(cluster.kubeconfig, tmp_path) as api:
        yield api


def time_of_children(process):
    """CPU time of children that have ended, in ticks; a run of helm takes several."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[13]) + int(fields[14])


async def spent(releases, api, process):
    """What a turn costs once the first one after the release has looked at the new record."""
    await releases.reconcile()
    children = time_of_children(process)
    assert children > 0
    for _ in range(10):
        known = len(api.requests)
        await releases.reconcile()
        found = api.asked_about_objects(known)
        if found["PATCH"] == 1:
            break
        # A slow turn says first that it is under way.
        assert found["PATCH"] == 2
    assert time_of_children(process) == children
    return dict(found)


async def test_a_release_in_sync_costs_two_requests(releases, api, config_map_template):
    with releases.own(through=api.kubeconfig) as process:
        await releases.chart(config_map_template)
        await releases.release(labels=releases.mine, values={"greeting": "hi"})
        await releases.ready()
        assert await spent(releases, api, process) == {"GET": 1, "PATCH": 1}


async def test_the_helm_chart_of_a_template_costs_nothing_more(releases, api, config_map_template):
    with releases.own(through=api.kubeconfig) as process:
        await with_template(releases, config_map_template)
        assert await spent(releases, api, process) == {"GET": 1, "PATCH": 1}


async def test_a_helm_chart_that_somebody_edits_is_put_right(releases, config_map_template):
    with releases.own():
        name = await with_template(releases, config_map_template)
        await releases.edit(HELM_CHART, name, {"spec": {"chart": "other"}})
        # The watch tells of the edit a moment after it was made.
        for _ in range(50):
            await releases.reconcile()
            if (await releases.live(HELM_CHART, name))["spec"]["chart"] == "demo":
                return
        raise AssertionError("the HelmChart stays as somebody made it")


async def with_template(releases, templates):
    """A release whose chart comes from a template; gives the name of its HelmChart."""
    artifact = await releases.chart(templates)
    await releases.delete(OCI_REPOSITORY, "chart")
    reference = {"kind": "HelmRepository", "name": "charts"}
    template = {"spec": {"chart": "demo", "sourceRef": reference}}
    await releases.release(labels=releases.mine, chart=template)
    name = f"{releases.namespace}-app"
    live = await releases.until(HELM_CHART, name, lambda obj: obj is not None)
    status = {
        "artifact": artifact | {"revision": "1.0.0"},
        "observedGeneration": live["metadata"]["generation"],
    }
    await releases.edit(HELM_CHART, name, {"status": status}, "source-controller", "status")
    await releases.ready()
    return name


async def test_a_list_of_a_time_that_has_not_come_is_that_of_now(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release()
    await releases.ready()
    storage = Storage(releases.client, releases.namespace, "app", SystemClock().now)
    now = await storage.listing()
    assert [record.version for record in now.records] == [1]
    assert (await storage.listing(now.resource_version)).records == now.records
    assert (await storage.listing(f"{now.resource_version}000")).records == now.records


async def test_what_helm_did_to_a_release_in_sync_is_seen(releases, config_map_template):
    await releases.chart(config_map_template)
    await releases.release(values={"greeting": "hi"})
    await releases.ready()
    await releases.reconcile()
    releases.helm("uninstall", "app")
    # The cache of the server has it a moment later.
    for _ in range(50):
        await releases.reconcile()
        config = await releases.live("ConfigMap", "app-config")
        if config is not None:
            assert config["data"]["greeting"] == "hi"
            return
    raise AssertionError("nobody sees that the release is gone")
