"""The real kustomize-controller and a real API server, with a bad network in between."""

import json
import uuid
from contextlib import asynccontextmanager

import pytest

from shared.testing.definitions import define
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
def widgets(cluster):
    """A custom kind."""
    define(cluster, json.dumps(WIDGETS))


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
def lasting(cluster, artifacts, suite):
    """Makes a namespace with one process behind a bad network, for all tests of a module."""

    @asynccontextmanager
    async def lasting(name, api, *flags):
        namespace = f"{name}-{uuid.uuid4().hex[:6]}"
        cluster.kubectl("create", "namespace", namespace)
        async with Flux.connected(cluster.kubeconfig, namespace, artifacts, suite, None) as flux:
            with flux.own(*flags, through=api.kubeconfig) as process:
                yield flux
                assert process.running, process.tail()
                assert "unexpected error" not in process.log.read_text()
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")

    return lasting


@pytest.fixture(scope="module")
def lasting_api(cluster, tmp_path_factory):
    """A bad network for all tests of a module."""
    with FaultyApi(cluster.kubeconfig, tmp_path_factory.mktemp("api")) as api:
        yield api
