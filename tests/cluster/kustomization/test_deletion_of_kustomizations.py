"""What becomes of the objects when their Kustomization is deleted."""

import pytest

from shared.testing.flux import KUSTOMIZATION

PREFIX = "kustomize.toolkit.fluxcd.io"


@pytest.mark.parametrize(
    ("policy", "prune", "left"),
    [
        ("MirrorPrune", True, []),
        ("MirrorPrune", False, ["a"]),
        ("Delete", False, []),
        ("WaitForTermination", False, []),
        pytest.param("Orphan", True, ["a"], marks=pytest.mark.case("kustomize-47")),
    ],
)
async def test_the_policy_decides(flux, config_map, policy, prune, left):
    await flux.publish(config_map("a"))
    await flux.kustomization(deletionPolicy=policy, prune=prune)
    await flux.ready()
    await flux.remove()
    assert await flux.names() == left
    if left:
        labels = (await flux.live("ConfigMap", "a"))["metadata"]["labels"]
        assert labels == {f"{PREFIX}/name": "app", f"{PREFIX}/namespace": flux.namespace}


@pytest.mark.case("kustomize-48")
async def test_what_was_suspended_leaves_its_objects(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(deletionPolicy="Delete")
    await flux.ready()
    await flux.change(suspend=True)
    await flux.remove()
    assert await flux.names() == ["a"]


async def test_the_end_of_objects_is_waited_for(flux, config_map):
    held = config_map("a")
    held["metadata"]["finalizers"] = ["test.example.com/hold"]
    await flux.publish(held)
    await flux.kustomization(deletionPolicy="WaitForTermination", timeout="1h")
    await flux.ready()
    await flux.delete(KUSTOMIZATION, "app")
    await flux.until("ConfigMap", "a", lambda obj: obj["metadata"].get("deletionTimestamp"))
    # Neither news of its source nor a request ends the wait.
    await flux.publish(config_map("b"))
    await flux.request()
    await flux.kustomization("other")
    await flux.ready("other")
    assert await flux.live(KUSTOMIZATION, "app")
    await flux.edit("ConfigMap", "a", {"metadata": {"finalizers": None}})
    await flux.gone(KUSTOMIZATION, "app")


async def test_deletion_does_not_wait_for_health(flux, job):
    await flux.publish(job())
    await flux.kustomization(wait=True, timeout="1h")
    await flux.progress("Running health checks")
    await flux.remove()
    await flux.gone("Job.batch", "job")


async def test_a_restart_does_not_end_the_wait_for_the_end_of_objects(flux, config_map):
    held = config_map("a")
    held["metadata"]["finalizers"] = ["test.example.com/hold"]
    await flux.publish(held)
    with flux.own() as process:
        await flux.kustomization(labels=flux.mine, deletionPolicy="WaitForTermination", timeout="1h")
        await flux.ready()
        await flux.delete(KUSTOMIZATION, "app")
        await flux.until("ConfigMap", "a", lambda obj: obj["metadata"].get("deletionTimestamp"))
        assert process.stop() == 0
        process.start()
        await flux.publish(config_map("b"), source="other")
        await flux.kustomization("other", labels=flux.mine, source="other")
        await flux.ready("other")
        assert await flux.live(KUSTOMIZATION, "app")
        await flux.edit("ConfigMap", "a", {"metadata": {"finalizers": None}})
        await flux.gone(KUSTOMIZATION, "app")


async def test_ignore_rules_that_can_not_be_used_keep_nobody_from_deleting(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization()
    await flux.ready()
    await flux.change(ignore=[{"paths": ["not/a/pointer"]}])
    await flux.fails("ReconciliationFailed")
    await flux.remove()
    assert await flux.names() == []


async def test_objects_of_another_cluster_are_never_looked_for_here(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization()
    await flux.ready()
    await flux.change(kubeConfig={"secretRef": {"name": "elsewhere"}})
    await flux.fails("ReconciliationFailed", f"unable to read KubeConfig secret '{flux.namespace}/elsewhere'")
    await flux.delete(KUSTOMIZATION, "app")
    await flux.fails("PruneFailed", "set spec.deletionPolicy to Orphan")
    assert await flux.names() == ["a"]
    await flux.change(deletionPolicy="Orphan")
    await flux.until(KUSTOMIZATION, "app", lambda obj: obj is None)
    assert await flux.names() == ["a"]


async def test_the_last_event_tells_which_revision_went(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization()
    applied = (await flux.ready())["status"]["lastAppliedRevision"]
    await flux.remove()
    event = await flux.event("ConfigMap/" + flux.namespace + "/a deleted")
    assert event["metadata"]["annotations"][f"{PREFIX}/revision"] == applied
