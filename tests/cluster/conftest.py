"""What tests of kustomize-controller share: charts in a cluster, artifacts, manifests to feed it."""

import pytest

from shared.testing.artifact_server import ArtifactServer
from shared.testing.controllers import Suite
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
