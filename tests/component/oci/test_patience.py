"""What may pass is tried again, and a registry that wants to be left alone is left alone."""

from datetime import timedelta

import pytest
from aiohttp import web

from shared.auth import RegistryLogin
from shared.oci import RegistryError, Repository, Unreachable
from shared.oci.transport import Access


def answers(*statuses, wait=""):
    """Refusals in their order, then what the registry says."""
    left = iter(statuses)
    headers = {"Retry-After": wait} if wait else {}

    def answer(request):
        del request
        status = next(left, None)
        return web.Response(status=status, headers=headers) if status else None

    return answer


def is_about(seconds):
    """Up to a tenth more is well, so that not all come at once."""
    return pytest.approx(seconds * 1.05, rel=0.05)


@pytest.mark.parametrize("status", [408, 429, 499, 500, 502, 503, 504, 522])
async def test_what_may_pass_is_tried_three_times(registry, store, name, gate, pauses, status):
    digest = store.push(name, "v1", {"a": "1"})
    gate.fault = answers(status, status)
    assert await registry().digest("v1") == digest
    assert pauses == [is_about(1), is_about(3)]
    gate.log.clear()
    gate.fault = answers(status, status, status)
    with pytest.raises(RegistryError, match=f"GET http://{gate.host}/v2/{name}/manifests/v1: .*{status}"):
        await registry().manifest("v1")
    assert len(gate.log) == 3


async def test_what_will_not_pass_is_not(registry, gate, pauses):
    gate.fault = answers(400)
    with pytest.raises(RegistryError, match="unexpected status code 400 Bad Request"):
        await registry().manifest("v1")
    assert (len(gate.log), pauses) == (1, [])


async def test_a_registry_that_is_away_is_tried_again_and_named(registries, name, pauses):
    for host, text in (("127.0.0.1:1", "can't connect to"), ("registry.invalid", "can't be resolved")):
        pauses.clear()
        with pytest.raises(Unreachable, match=text):
            await registries.registry(Repository(host, name), Access()).digest("v1")
        assert pauses == [is_about(1), is_about(3)]


async def test_a_registry_says_when_to_come_back(registry, store, name, gate, pauses):
    digest = store.push(name, "v1", {"a": "1"})
    gate.fault = answers(429, 503, wait="7")
    assert await registry().digest("v1") == digest
    assert pauses == [7, 7]


async def test_a_service_for_tokens_is_tried_again_too(registry, store, name, gate, pauses):
    digest = store.push(name, "v1", {"a": "1"})
    gate.bearer = ("ada", "hidden")
    access = {"login": RegistryLogin("ada", "hidden"), "insecure": True}
    busy = answers(429, wait="5")
    gate.fault = lambda request: busy(request) if request.path == "/token" else None
    assert await registry(**access).digest("v1") == digest
    assert pauses == [5]
    busy = answers(503, wait="600")
    with pytest.raises(RegistryError, match="gives no token: unexpected status code 503") as caught:
        await registry("org/other", **access).digest("v1")
    assert caught.value.retry_after == timedelta(seconds=600)


async def test_whoever_comes_meanwhile_waits_as_well(registry, store, name, gate, pauses):
    digest = store.push(name, "v1", {"a": "1"})
    gate.fault = answers(429, wait="600")
    with pytest.raises(RegistryError, match="asked too often"):
        await registry("org/other").tags()
    with pytest.raises(RegistryError, match=r"asked too often, it will be asked again in 10m0s") as caught:
        await registry().digest("v1")
    assert caught.value.retry_after == timedelta(seconds=600)
    assert len(gate.log) == 1
    await pauses.sleep(580)
    assert await registry().digest("v1") == digest
    assert pauses == [580, 20]


@pytest.mark.parametrize("login", [None, RegistryLogin("eve", "x")])
async def test_others_need_not_wait(registry, store, name, gate, login):
    digest = store.push(name, "v1", {"a": "1"})
    gate.fault = answers(429, wait="600")
    with pytest.raises(RegistryError, match="asked too often"):
        await registry().digest("v1")
    assert await registry(login=login, insecure=True).digest("v1") == digest
