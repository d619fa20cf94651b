"""A process that dies forgets nothing, and who only waits keeps nobody else from working."""

import asyncio

import pytest

from shared.testing.flux import KUSTOMIZATION

HELD = {"finalizers": ["test.example.com/hold"]}


@pytest.fixture
async def leaving_namespace(flux):
    """A Namespace that is on its way out and stays so until the test ends: nobody can wait for it."""
    name = f"{flux.namespace}-leaving"
    await flux.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": HELD | {"name": "held", "namespace": name},
    }
    await flux.create(config_map)
    await flux.delete("Namespace", name)
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    resource = await flux.resource("ConfigMap")
    patch = {"metadata": {"finalizers": None}}
    await flux.client.merge_patch(resource, name, "held", patch, manager="test")


async def test_what_is_about_to_be_applied_is_in_the_inventory_first(flux, config_map):
    await flux.publish(config_map("a"), config_map("b"))
    created = await flux.kustomization()
    await flux.ready()
    versions = await flux.versions(
        KUSTOMIZATION, created, lambda obj: flux.condition(obj, "Ready")["status"] == "True"
    )
    ahead = next(obj for obj in versions if flux.inventory(obj))
    applied = await flux.live("ConfigMap", "a")
    assert flux.inventory(ahead) == [flux.id_of("ConfigMap", name) for name in ("a", "b")]
    assert int(ahead["metadata"]["resourceVersion"]) < int(applied["metadata"]["resourceVersion"])


async def test_a_process_that_dies_while_applying_leaves_no_orphans(flux, config_map, leaving_namespace):
    """The first stage is written ahead and applied; the process dies while it waits for that stage."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": []}
    name = f"{flux.namespace}-role"
    with flux.own() as process:
        await flux.publish(role | {"metadata": {"name": name}}, leaving_namespace)
        await flux.kustomization(labels=flux.mine, targetNamespace=None)
        await flux.until("ClusterRole.rbac.authorization.k8s.io", name, bool)
        process.kill()
        app = await flux.live(KUSTOMIZATION, "app")
        assert f"_{name}_rbac.authorization.k8s.io_ClusterRole" in flux.inventory(app)
        # Neither was ever part of a success; they are gone from the source before the next process starts.
        await flux.publish(config_map("a"))
        await flux.change(targetNamespace=flux.namespace)
        process.start()
        app = await flux.ready()
        assert flux.inventory(app) == [flux.id_of("ConfigMap", "a")]
        assert await flux.live("ClusterRole.rbac.authorization.k8s.io", name) is None


@pytest.mark.parametrize("moment", ["written ahead", "half applied", "half pruned"])
async def test_a_process_that_dies_at_any_moment_leaves_no_orphans(flux, config_map, moment):
    def generation(letter):
        return [config_map(f"{letter}-{number:02}") for number in range(30)]

    with flux.own() as process:
        await flux.publish(*generation("a"))
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await flux.publish(*generation("b"))
        match moment:
            case "written ahead":
                new = flux.id_of("ConfigMap", "b-29")
                await flux.until(KUSTOMIZATION, "app", lambda obj: new in flux.inventory(obj))
            case "half applied":
                await flux.until("ConfigMap", "b-10", bool)
            case "half pruned":
                await flux.gone("ConfigMap", "a-20")
        process.kill()
        await flux.publish(*generation("c"))
        process.start()
        app = await flux.ready()
        assert await flux.names() == [f"c-{number:02}" for number in range(30)]
        assert len(flux.inventory(app)) == 30


async def test_a_process_that_dies_while_waiting_for_health_goes_on_where_it_was(flux, config_map, job):
    with flux.own() as process:
        await flux.publish(config_map("a"), job())
        await flux.kustomization(labels=flux.mine, wait=True, timeout="1h")
        await flux.progress("Running health checks")
        process.kill()
        await flux.publish(config_map("b"))
        process.start()
        app = await flux.ready()
        assert flux.inventory(app) == [flux.id_of("ConfigMap", "b")]
        assert await flux.names() == ["b"]
        assert await flux.live("Job.batch", "job") is None


async def test_a_restart_without_news_writes_nothing(flux, config_map):
    with flux.own() as process:
        await flux.publish(config_map("a"))
        await flux.sources_seen(flux.mine)
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        before = await flux.live("ConfigMap", "a")
        process.kill()
        process.start()
        await flux.turns(1)
        assert (await flux.live("ConfigMap", "a"))["metadata"] == before["metadata"]
        history = (await flux.live(KUSTOMIZATION, "app"))["status"]["history"]
        assert [entry["totalReconciliations"] for entry in history] == [2]


async def test_waits_hold_no_worker_and_do_not_delay_a_stop(flux, config_map, job, leaving_namespace):
    with flux.own("--concurrent=1") as process:
        await flux.publish(job())
        await flux.kustomization("sick", labels=flux.mine, wait=True, timeout="1h")
        await flux.progress("Running health checks", "sick")
        await flux.publish(leaving_namespace, source="other")
        await flux.kustomization("stuck", labels=flux.mine, source="other", targetNamespace=None)
        await flux.progress("Detecting drift", "stuck")
        await flux.publish(config_map("a"), source="third")
        await flux.kustomization("well", labels=flux.mine, source="third")
        await flux.ready("well")
        assert process.stop() == 0
        sick = await flux.live(KUSTOMIZATION, "sick")
        assert flux.condition(sick, "Ready")["reason"] == "Progressing"


async def test_a_stop_says_nothing_about_objects_that_wait(flux, config_map, job):
    with flux.own() as process:
        await flux.publish(job("waits"))
        await flux.kustomization(labels=flux.mine, wait=True)
        before = await flux.progress("Running health checks")
        assert await asyncio.to_thread(process.stop) == 0
        after = await flux.live(KUSTOMIZATION, "app")
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_a_removal_before_a_recreation_holds_no_worker(flux, config_map):
    held = config_map("held", k="old") | {"immutable": True}
    held["metadata"] = held["metadata"] | HELD
    with flux.own("--concurrent=1"):
        await flux.publish(held)
        await flux.kustomization(labels=flux.mine, force=True)
        await flux.ready()
        await flux.publish(held | {"data": {"k": "new"}})
        await flux.until("ConfigMap", "held", lambda obj: "deletionTimestamp" in obj["metadata"])
        await flux.publish(config_map("a"), source="other")
        await flux.kustomization("well", labels=flux.mine, source="other")
        await flux.ready("well")
        await flux.edit("ConfigMap", "held", {"metadata": {"finalizers": None}})
        await flux.ready()
        assert (await flux.live("ConfigMap", "held"))["data"] == {"k": "new"}
        await flux.edit("ConfigMap", "held", {"metadata": {"finalizers": None}})
