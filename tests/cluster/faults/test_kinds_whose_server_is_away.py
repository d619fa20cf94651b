"""An aggregated API whose own server does not answer: nobody knows which kinds and objects it has.

What is in an inventory of such a kind may still be there, so it is not taken for gone.
"""

import json

import pytest

from shared.testing.flux import KUSTOMIZATION

GROUP = "away.headrace.io"


@pytest.fixture
def lost(cluster, flux):
    """Registers an API that a Service without endpoints stands for; gives the id of an object of it."""
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
            "service": {"name": "nobody", "namespace": flux.namespace, "port": 443},
        },
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(api))
    cluster.kubectl("wait", "--for=condition=Available=False", f"apiservice/v1.{GROUP}", "--timeout=30s")
    yield flux.id_of("Thing", "thing", GROUP)
    cluster.kubectl("delete", "apiservice", f"v1.{GROUP}")


@pytest.fixture
async def process(flux, lost, config_map):
    """Has made a Kustomization ready, into whose inventory the lost object came in better times."""
    with flux.own() as process:
        await flux.publish(config_map("a"))
        await flux.kustomization(labels=flux.mine)
        inventory = (await flux.ready())["status"]["inventory"]
        inventory["entries"].append({"id": lost, "v": "v1"})
        await flux.edit(KUSTOMIZATION, "app", {"status": {"inventory": inventory}}, subresource="status")
        yield process


async def test_their_objects_are_not_forgotten_when_they_are_pruned(flux, process, config_map, lost):
    # Of sources the controller hears by another stream than of the inventory and of requests.
    await flux.reconcile()
    await flux.publish(config_map("b"))
    await flux.sources_seen(flux.mine)
    await flux.reconcile()
    app = await flux.fails("PruneFailed", GROUP)
    assert lost in flux.inventory(app)


async def test_their_objects_keep_a_deleted_kustomization(flux, process, lost):
    await flux.delete(KUSTOMIZATION, "app")
    app = await flux.fails("PruneFailed", GROUP)
    assert flux.inventory(app) == [lost]
