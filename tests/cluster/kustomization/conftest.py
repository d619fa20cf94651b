"""The real kustomize-controller against a real API server, and manifests to feed it."""

import uuid

import pytest
import pytest_asyncio

from shared.testing.flux import Flux


@pytest.fixture
async def flux(cluster, namespace, artifacts, suite, kustomize_controller):
    async with Flux.connected(cluster.kubeconfig, namespace, artifacts, suite, kustomize_controller) as flux:
        yield flux


@pytest.fixture(scope="module")
def shared_namespace(cluster):
    name = f"shared-{uuid.uuid4().hex[:6]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_flux(cluster, shared_namespace, artifacts, suite, kustomize_controller):
    """One namespace for all tests of a module, whose long waits run side by side."""
    async with Flux.connected(
        cluster.kubeconfig, shared_namespace, artifacts, suite, kustomize_controller
    ) as flux:
        yield flux


@pytest.fixture(scope="session")
def job():
    """A Job that never ends by itself: there is no node for its pod."""

    def make(name="job", **spec):
        containers = [{"name": "main", "image": "main:1"}]
        template = {"spec": {"restartPolicy": "Never", "containers": containers}}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"template": template} | spec,
        }

    return make


@pytest.fixture(scope="session")
def deployment():
    def make(name="web", image="web:1", replicas=0, **spec):
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": image}]},
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template} | spec,
        }

    return make
