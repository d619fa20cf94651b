"""The real kustomize-controller and a real API server, with a bad network in between."""

import json

import pytest

from shared.testing.artifact_server import ArtifactServer
from shared.testing.controllers import Suite
from shared.testing.faulty_api import FaultyApi
from shared.testing.flux import Flux

WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.faults.headrace.io"},
    "spec": {
        "group": "faults.headrace.io",
        "names": {"kind": "Widget", "plural": "widgets"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="session")
def artifacts():
    with ArtifactServer() as server:
        yield server


@pytest.fixture(scope="session")
def suite(cluster, tmp_path_factory):
    installed = Suite(cluster, tmp_path_factory.mktemp("faults"))
    installed.install()
    return installed


@pytest.fixture(scope="session")
def widgets(cluster):
    """A custom kind."""
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(WIDGETS))
    name = WIDGETS["metadata"]["name"]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{name}")


@pytest.fixture
def api(cluster, tmp_path):
    with FaultyApi(cluster.kubeconfig, tmp_path) as api:
        yield api


@pytest.fixture
async def flux(cluster, namespace, artifacts, suite):
    """One namespace; its controller is started with `flux.own(through=api.kubeconfig)`."""
    async with Flux.connected(cluster.kubeconfig, namespace, artifacts, suite, None) as flux:
        yield flux


@pytest.fixture(scope="session")
def config_map():
    def make(name="a", annotations=None, **data):
        metadata = {"name": name}
        if annotations:
            metadata["annotations"] = {
                f"kustomize.toolkit.fluxcd.io/{key}": value for key, value in annotations.items()
            }
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"k": "v"}}

    return make
