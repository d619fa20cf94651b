"""A cluster that does not answer, or does no longer know us, costs only those who want something of it."""

import asyncio
import json

import pytest

from shared.testing.faulty_api import FaultyApi, Hold, Rule
from shared.testing.flux import KUSTOMIZATION
from shared.testing.other_cluster import secret_of

BY_SECRET = {"secretRef": {"name": "other"}}


@pytest.fixture
def api(other_cluster, tmp_path):
    with FaultyApi(other_cluster.kubeconfig, tmp_path) as api:
        yield api


@pytest.fixture
def through(api, other):
    """A Secret that leads to the other cluster by a bad network."""
    return secret_of(json.loads(api.kubeconfig(other.cluster.kubeconfig).read_text()))


async def test_a_cluster_that_was_away_is_found_again(flux, other, config_map, api, through):
    await flux.create(through)
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_SECRET)
    await flux.ready()
    await asyncio.to_thread(api.away)
    await flux.publish(config_map("a"), config_map("b"))
    await flux.fails("ReconciliationFailed", "can't connect to 127.0.0.1")
    assert await other.names() == ["a"]
    await asyncio.to_thread(api.back)
    await flux.ready()
    assert await other.names() == ["a", "b"]


async def test_servers_that_never_answer_hold_up_nobody_else(flux, other, config_map):
    taken, somebody = [], asyncio.Event()

    async def take(reader, writer):
        taken.append(writer)
        somebody.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as hole:
        server = f"https://127.0.0.1:{hole.sockets[0].getsockname()[1]}"
        await flux.create(secret_of(other.kubeconfig(server=server), name="hole"))
        await flux.create(secret_of(other.kubeconfig()))
        await flux.publish(config_map("a"))
        for number in range(3):
            name = f"lost-{number}"
            await flux.kustomization(name, kubeConfig={"secretRef": {"name": "hole"}}, labels=flux.mine)
        with flux.own("--concurrent=1"):
            async with asyncio.timeout(20):
                await somebody.wait()
            await flux.kustomization("here", labels=flux.mine)
            await flux.kustomization("there", kubeConfig=BY_SECRET, labels=flux.mine)
            await flux.ready("here")
            await flux.ready("there")
            lost = await flux.live(KUSTOMIZATION, "lost-0")
            assert flux.condition(lost, "Ready")["status"] != "False"
            closing = asyncio.create_task(keep_closing(taken))
            for number in range(3):
                await flux.fails("ReconciliationFailed", "can't be used", f"lost-{number}")
            closing.cancel()
        hole.close()


async def keep_closing(connections):
    """Closes connections, also those that are still to come."""
    while True:
        for writer in connections:
            writer.close()
        await asyncio.sleep(0.1)


async def test_a_cluster_that_stops_answering_in_the_middle_holds_up_nobody_else(
    flux, other, config_map, api, through
):
    held = Rule("PATCH", "/configmaps/a$", Hold(forward=False))
    api.disturb(held)
    await flux.create(through)
    await flux.publish(config_map("a"))
    await flux.kustomization("stuck", kubeConfig=BY_SECRET, labels=flux.mine)
    with flux.own("--concurrent=1"):
        await asyncio.to_thread(api.wait, lambda: held.hits)
        await flux.kustomization("here", labels=flux.mine)
        await flux.ready("here")
        api.heal()
        await asyncio.to_thread(api.away)
        await asyncio.to_thread(api.back)
        await flux.ready("stuck")
    assert await other.names() == ["a"]


async def test_a_token_that_was_revoked_is_reported_and_a_new_one_taken(flux, other, config_map):
    there = other.cluster.kubectl

    def account():
        there("create", "serviceaccount", "deployer", "-n", other.namespace)
        return secret_of(other.kubeconfig(user={"token": other.token("deployer")}))

    secret = account()
    bound = f"--serviceaccount={other.namespace}:deployer"
    there("create", "rolebinding", "d", "-n", other.namespace, "--clusterrole=cluster-admin", bound)
    await flux.create(secret)
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_SECRET, interval="1s")
    await flux.ready()
    there("delete", "serviceaccount", "deployer", "-n", other.namespace)
    # The API server itself believes for ten seconds what it knew of a token.
    failed = await flux.fails("ReconciliationFailed", "refuses the credentials: renew them", seconds=40)
    assert f"secret '{flux.namespace}/other', key 'value'" in flux.condition(failed, "Ready")["message"]
    await flux.edit("Secret", "other", {"stringData": account()["stringData"]})
    await flux.ready()
