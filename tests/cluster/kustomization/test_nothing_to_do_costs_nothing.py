"""A pass over objects that nobody touched asks the API server nothing about them, and misses nothing."""

import asyncio
import re
from collections import Counter

# Without 304: looks for kinds that are not served revalidate discovery now and then, and are about no object.
REQUESTS = re.compile(
    r'^rest_client_requests_total\{code="(?!304)\d+",host="[^"]*",method="([A-Z]+)"\} (\S+)$', re.MULTILINE
)


async def requests(process):
    found = Counter()
    for verb, count in REQUESTS.findall(await asyncio.to_thread(process.metrics)):
        found[verb] += int(float(count))
    return found


async def passes(flux, count):
    for _ in range(count):
        await flux.reconcile()


async def settle(flux, process):
    """Passes until one asks about no object: it takes a moment until what was applied is watched."""
    for _ in range(20):
        known = await requests(process)
        found = await flux.reconcile()
        if not (await requests(process) - known)["GET"]:
            return found
    raise AssertionError("every pass asks about objects that nobody touched")


async def test_untouched_objects_are_not_asked_about(flux, config_map):
    with flux.own() as process:
        await flux.publish(*(config_map(name) for name in "abcd"))
        await flux.kustomization(labels=flux.mine, wait=True)
        await flux.ready()
        before = await settle(flux, process)
        known = await requests(process)
        after = await flux.reconcile()
        spent = await requests(process) - known
        # One status (a slow pass says first that it is under way), and the event at the end. Asked about, the
        # four would be four reads and four rehearsals.
        assert spent["GET"] == 0
        assert spent["PATCH"] <= 2
        assert spent["POST"] <= 1
        assert after["status"]["inventory"] == before["status"]["inventory"]
        earlier = before["status"]["history"][0]["totalReconciliations"]
        assert after["status"]["history"][0]["totalReconciliations"] == earlier + 1
        assert flux.condition(after, "Healthy") == flux.condition(before, "Healthy")


async def test_only_the_object_that_changed_is_asked_about(flux, config_map):
    with flux.own() as process:
        await flux.publish(*(config_map(name, k="v") for name in "abcd"))
        await flux.kustomization(labels=flux.mine, wait=True)
        await flux.ready()
        await settle(flux, process)
        known = await requests(process)
        await flux.publish(*(config_map(name, k="v") for name in "abc"), config_map("d", k="new"))
        await flux.reconcile()
        spent = await requests(process) - known
        assert (await flux.live("ConfigMap", "d"))["data"] == {"k": "new"}
        # Read, rehearsed and applied, where all four would be four reads and five writes. The new artifact
        # may start a pass before it is asked for: then there is one more status, maybe written twice.
        assert spent["GET"] <= 1 + 1
        assert spent["PATCH"] <= 2 + 3


async def test_an_edit_is_seen_and_put_right(flux, config_map):
    with flux.own():
        await flux.publish(config_map("a", k="v"), config_map("b", k="v"))
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await passes(flux, 2)
        await flux.edit("ConfigMap", "a", {"data": {"k": "edited"}})
        await flux.reconcile()
        assert (await flux.live("ConfigMap", "a"))["data"] == {"k": "v"}


async def test_a_deleted_object_is_made_again(flux, config_map):
    with flux.own():
        await flux.publish(config_map("a"), config_map("b"))
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await passes(flux, 2)
        await flux.delete("ConfigMap", "b")
        await flux.reconcile()
        assert await flux.live("ConfigMap", "b") is not None


async def test_everything_is_compared_once_in_a_while(flux, config_map):
    with flux.own("--full-check-interval=1ms") as process:
        await flux.publish(*(config_map(name) for name in "abcd"))
        await flux.kustomization(labels=flux.mine)
        await flux.ready()
        await passes(flux, 2)
        known = await requests(process)
        await flux.reconcile()
        assert (await requests(process) - known)["GET"] == 4
