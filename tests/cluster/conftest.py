"""What tests in clusters share: charts, controllers, artifacts, manifests to feed them."""

import pytest

from shared.testing.artifact_server import ArtifactServer
from shared.testing.controllers import Suite
from shared.testing.flux import Flux
from shared.testing.helm import Releases
from shared.testing.status_witness import StatusWitness


@pytest.fixture(scope="module")
def witness(cluster):
    """Sees every status that is written in the cluster; a module may have a cluster of its own."""
    with StatusWitness(cluster.kubeconfig) as witness:
        yield witness


@pytest.fixture(autouse=True)
def every_status_keeps_to_the_contract(request):
    """Whatever a test is about: no status that a controller writes meanwhile may break a rule."""
    if "cluster" not in request.fixturenames:
        yield
        return
    witness = request.getfixturevalue("witness")
    yield
    broken = witness.take_broken()
    assert broken == [], "\n".join(broken)


@pytest.fixture(scope="session")
def artifacts():
    """Serves what tests publish in place of source-controller."""
    with ArtifactServer() as server:
        yield server


@pytest.fixture(scope="session")
def suite(cluster, tmp_path_factory):
    """The charts in the cluster."""
    installed = Suite(cluster, tmp_path_factory.mktemp("suite"))
    installed.install()
    return installed


@pytest.fixture(scope="session")
def kustomize_controller(suite):
    """The one that works for all tests that have none of their own; a second one would work against it."""
    yield from at_work(Flux.shared_process(suite))


@pytest.fixture(scope="session")
def helm_controller(suite):
    """As `kustomize_controller`, for releases."""
    yield from at_work(Releases.shared_process(suite))


def at_work(process):
    process.start()
    yield process
    assert process.running, process.tail()
    assert process.stop() == 0, process.tail()
    assert "unexpected error" not in process.log.read_text()


@pytest.fixture(scope="session")
def config_map():
    def make(name="a", labels=None, annotations=None, **data):
        metadata = {"name": name}
        if labels:
            metadata["labels"] = labels
        if annotations:
            metadata["annotations"] = {
                f"kustomize.toolkit.fluxcd.io/{key}": value for key, value in annotations.items()
            }
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"k": "v"}}

    return make
