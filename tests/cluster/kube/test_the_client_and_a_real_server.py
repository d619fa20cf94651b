"""What the client and the informers rely on is what a real API server does."""

import asyncio
from pathlib import Path

import pytest

from localcluster import Cluster
from shared.kube import Connection, ConnectionConfigError, KubeClient, ObjectKey
from shared.kube.errors import AlreadyExists, Conflict, Forbidden, Invalid, NoMatch, NotFound
from shared.kube.informer import Informer


@pytest.fixture
async def connect():
    opened = []

    async def connect(kubeconfig):
        opened.append(await Connection.load(Path(kubeconfig)))
        return KubeClient(opened[-1])

    yield connect
    for connection in opened:
        await connection.close()


@pytest.fixture
async def client(cluster, connect):
    return await connect(cluster.kubeconfig)


@pytest.fixture
async def maps(client):
    return await client.discovery.find("", "ConfigMap")


def config(namespace, name="a", **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


async def test_objects_live_and_die(client, maps, namespace):
    created = await client.create(maps, config(namespace, k="1"), manager="me")
    assert (await client.get(maps, namespace, "a"))["data"] == {"k": "1"}
    patched = await client.merge_patch(maps, namespace, "a", {"data": {"k": None, "l": "2"}}, manager="me")
    assert patched["data"] == {"l": "2"}
    assert {entry["manager"] for entry in patched["metadata"]["managedFields"]} == {"me"}
    operations = [{"op": "test", "path": "/data/l", "value": "2"}, {"op": "remove", "path": "/data/l"}]
    patched = await client.json_patch(maps, namespace, "a", operations, manager="me")
    assert "data" not in patched
    with pytest.raises(Conflict):
        await client.delete(maps, namespace, "a", uid="other")
    version = created["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        await client.delete(maps, namespace, "a", resource_version=version)
    await client.delete(maps, namespace, "a", uid=created["metadata"]["uid"])
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        await client.get(maps, namespace, "a")


async def test_refusals_have_their_errors(client, maps, namespace):
    await client.create(maps, config(namespace))
    with pytest.raises(AlreadyExists):
        await client.create(maps, config(namespace))
    stale = {"metadata": {"resourceVersion": "1"}, "data": {"k": "v"}}
    with pytest.raises(Conflict):
        await client.merge_patch(maps, namespace, "a", stale, manager="me")
    with pytest.raises(Invalid):
        await client.create(maps, config(namespace, "Not A Name"))
    with pytest.raises(Forbidden):
        await client.impersonate("system:serviceaccount:ns:nobody").get(maps, namespace, "a")
    with pytest.raises(NoMatch):
        await client.discovery.find("example.com", "Nope")


async def test_a_dry_run_changes_nothing(client, maps, namespace):
    assert (await client.create(maps, config(namespace), dry_run=True))["metadata"]["uid"]
    await client.apply(maps, config(namespace, "b", k="v"), manager="me", dry_run=True)
    names = [item["metadata"]["name"] for item in (await client.list(maps, namespace))["items"]]
    assert "a" not in names
    assert "b" not in names


async def test_a_watch_with_initial_events_tells_where_they_end(client, maps, namespace):
    await client.create(maps, config(namespace, "mine"))
    names = []
    async with asyncio.timeout(20):
        async for event in client.watch(maps, namespace, initial=True, metadata_only=True):
            annotations = event.object["metadata"].get("annotations") or {}
            if event.type == "BOOKMARK" and annotations.get("k8s.io/initial-events-end") == "true":
                break
            names.append(event.object["metadata"]["name"])
            assert "data" not in event.object
    assert "mine" in names


async def test_an_unusable_kubeconfig_says_which_and_what_to_do(tmp_path):
    with pytest.raises(ConnectionConfigError, match=r"nowhere.*set KUBECONFIG or run inside a pod"):
        await Connection.load(tmp_path / "nowhere")


async def test_an_informer_outlives_a_restart_of_the_server(connect):
    seen = []
    with Cluster() as own:
        client = await connect(own.kubeconfig)
        maps = await client.discovery.find("", "ConfigMap")
        informer = Informer(client, "", "ConfigMap", lambda obj: obj.get("data"), namespace="default")
        informer.subscribe(seen.append)
        task = asyncio.create_task(informer.run())
        await asyncio.wait_for(informer.synced.wait(), 30)
        await client.create(maps, config("default", "before", k="1"))
        await asyncio.to_thread(own.stop_component, "kube-apiserver")
        await asyncio.to_thread(own.start_component, "kube-apiserver")
        await client.create(maps, config("default", "after", k="2"))
        async with asyncio.timeout(60):
            while ObjectKey("default", "after") not in informer.store:  # noqa: ASYNC110 - told by a watch
                await asyncio.sleep(0.05)
        assert not task.done()
        assert informer.store.header(ObjectKey("default", "before")) == {"k": "1"}
        assert sum(change.key.name == "before" for change in seen) == 1
        task.cancel()
        await asyncio.wait({task})
