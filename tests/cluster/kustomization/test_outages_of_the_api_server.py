"""The API server goes away and comes back, in a cluster of this module's own."""

import pytest

from localcluster import Cluster
from shared.testing.controllers import Suite
from shared.testing.flux import Flux

# A server that has just started does everything slowly.
PATIENCE = 60


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as own:
        yield own


@pytest.fixture(scope="module")
def suite(cluster, tmp_path_factory):
    installed = Suite(cluster, tmp_path_factory.mktemp("outage"))
    installed.install()
    return installed


@pytest.fixture(scope="module")
def kustomize_controller(suite):
    process = Flux.shared_process(suite)
    process.start()
    yield process
    assert process.stop() == 0, process.tail()


async def test_a_wait_and_all_watches_survive_a_restart_of_the_server(flux, cluster, config_map, job):
    await flux.publish(job())
    await flux.kustomization("waits", wait=True, timeout="1h")
    await flux.progress("Running health checks", "waits")
    cluster.stop_component("kube-apiserver")
    cluster.start_component("kube-apiserver")
    await flux.finish("job")
    await flux.ready("waits", seconds=PATIENCE)
    await flux.publish(config_map("a"))
    await flux.ready("waits", seconds=PATIENCE)
    await flux.kustomization("new")
    await flux.ready("new", seconds=PATIENCE)
    assert flux.process.running
