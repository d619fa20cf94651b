"""Nobody answers where the API server was, for some seconds.

There is one outage, and many things happen before and in it. $HEADRACE_OUTAGE_SECONDS makes it longer: 60,
for example, is as long as any request waits.
"""

import asyncio
import os

import pytest
import pytest_asyncio

from shared.testing.faulty_api import Hold, Rule
from shared.testing.flux import KUSTOMIZATION

SECONDS = float(os.environ.get("HEADRACE_OUTAGE_SECONDS", "5"))
# The longer it was, the further is the next try.
PATIENCE = 20 + SECONDS

# Writes that are under way when the API server goes away: it has not seen them, or has dealt with them.
HELD = {
    "apply-before": ("/configmaps/apply-before-b$", False),
    "apply-after": ("/configmaps/apply-after-b$", True),
    "status-before": ("/kustomizations/status-before/status$", False),
    "status-after": ("/kustomizations/status-after/status$", True),
}

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300 + 2 * SECONDS)]


@pytest.fixture(scope="module")
def api(lasting_api):
    return lasting_api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flux(lasting, api):
    async with lasting("outage", api) as flux:
        yield flux


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calm(flux, api, config_map):
    """Goes through the outage; gives an object that was ready before."""

    async def start(name, *names):
        await flux.publish(*(config_map(f"{name}-{end}") for end in names), source=name)
        await flux.kustomization(name, source=name, labels=flux.mine)

    for name in ("calm", "left", "changed"):
        await start(name, "a")
    for name in ("left", "changed"):
        await flux.ready(name)
    calm = await flux.ready("calm")
    rules = [Rule("PATCH", path, Hold(forward)) for path, forward in HELD.values()]
    api.disturb(*rules)
    for name in HELD:
        await start(name, "a", "b", "c")
    await asyncio.to_thread(api.wait, lambda: all(rule.hits for rule in rules))
    await asyncio.to_thread(api.away)
    await flux.delete(KUSTOMIZATION, "left")
    await flux.publish(config_map("changed-b"), source="changed")
    await start("new", "a")
    await asyncio.sleep(SECONDS)
    api.heal()
    await asyncio.to_thread(api.back)
    return calm


@pytest.mark.parametrize("name", HELD)
async def test_a_turn_that_it_interrupts_comes_to_its_end(flux, calm, name):
    app = await flux.ready(name, seconds=PATIENCE)
    assert flux.inventory(app) == [flux.id_of("ConfigMap", f"{name}-{end}") for end in "abc"]
    assert [found for found in await flux.names() if found.startswith(name)] == [
        f"{name}-{end}" for end in "abc"
    ]


async def test_a_revision_of_the_time_is_applied(flux, calm):
    await flux.ready("changed", seconds=PATIENCE)
    assert await flux.live("ConfigMap", "changed-a") is None


async def test_a_kustomization_of_the_time_is_made_ready(flux, calm):
    await flux.ready("new", seconds=PATIENCE)


async def test_a_deletion_of_the_time_is_finished(flux, calm):
    await flux.gone(KUSTOMIZATION, "left", PATIENCE)
    assert await flux.live("ConfigMap", "left-a") is None


async def test_what_was_ready_is_not_touched(flux, calm):
    await flux.ready("changed", seconds=PATIENCE)
    assert await flux.live(KUSTOMIZATION, "calm") == calm
