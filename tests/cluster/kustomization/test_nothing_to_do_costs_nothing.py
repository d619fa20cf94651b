"""A pass over objects that nobody touched asks the API server nothing about them, and misses nothing."""

import pytest

from shared.testing.faulty_api import FaultyApi


@pytest.fixture
def api(cluster, tmp_path):
    with FaultyApi(cluster.kubeconfig, tmp_path) as api:
        yield api


async def passes(flux, count):
    for _ in range(count):
        await flux.reconcile()


async def settle(flux, api):
    """Passes until one asks about no object: it takes a moment until what was applied is watched."""
    for _ in range(20):
        known = len(api.requests)
        found = await flux.reconcile()
        if not api.asked_about_objects(known)["GET"]:
            return found
    raise AssertionError("every pass asks about objects that nobody touched")


async def test_untouched_objects_are_not_asked_about(flux, api, config_map):
    with flux.own(through=api.kubeconfig):
        await flux.publish(*(config_map(name) for name in "abcd"))
        await flux.kustomization(labels=flux.mine, wait=True)
        await flux.ready()
        before = await settle(flux, api)
        known = len(api.requests)
        after = await flux.reconcile()
        spent = api.asked_about_objects(known)
        # One status; a slow pass says first that it is under way. Asked about, the four would be four reads
        # and four rehearsals.
        assert spent.keys() == {"PATCH"}
        assert spent["PATCH"] <= 2
        assert after["status"]["inventory"] == before["status"]["inventory"]
        earlier = before["status"]["history"][0]["totalReconciliations"]
        assert after["status"]["history"][0]["totalReconciliations"] == earlier + 1
        assert flux.condition(after, "Healthy") == flux.condition(before, "Healthy")


async def test_only_the_object_that_changed_is_asked_about(flux, api, config_map):
    with flux.own(through=api.kubeconfig):
        await flux.publish(*(config_map(name, k="v") for name in "abcd"))
        await flux.kustomization(labels=flux.mine, wait=True)
        await flux.ready()
        await settle(flux, api)
        known = len(api.requests)
        await flux.publish(*(config_map(name, k="v") for name in "abc"), config_map("d", k="new"))
        await flux.ready()
        await flux.reconcile()
        spent = api.asked_about_objects(known)
        assert (await flux.live("ConfigMap", "d"))["data"] == {"k": "new"}
        # Read, rehearsed and applied, maybe looked at once more, where all four would be four reads and four
        # rehearsals. There are the statuses of two passes, maybe written twice.
        assert spent["GET"] <= 1 + 1
        assert spent["REHEARSE"] <= 1 + 1
        assert spent["PATCH"] <= 1 + 4


async def test_an_edit_is_seen_and_put_right(flux, config_map):
    with flux.own():
        await flux.publish(config_map("a", k="v"), config_map("b", k="v"))
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await passes(flux, 2)
        await flux.edit("ConfigMap", "a", {"data": {"k": "edited"}})
        await flux.reconcile_until("ConfigMap", "a", lambda obj: obj["data"] == {"k": "v"})


async def test_a_deleted_object_is_made_again(flux, config_map):
    with flux.own():
        await flux.publish(config_map("a"), config_map("b"))
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await passes(flux, 2)
        await flux.delete("ConfigMap", "b")
        await flux.reconcile_until("ConfigMap", "b", lambda obj: obj is not None)


async def test_everything_is_compared_once_in_a_while(flux, api, config_map):
    with flux.own("--full-check-interval=1ms", through=api.kubeconfig):
        await flux.publish(*(config_map(name) for name in "abcd"))
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await passes(flux, 2)
        known = len(api.requests)
        await flux.reconcile()
        assert api.asked_about_objects(known)["GET"] == 4
