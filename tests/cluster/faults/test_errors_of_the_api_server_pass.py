"""While some requests fail, what they belong to waits and all others go on; afterwards nothing is left of it.

Errors last until the test ends them: whatever is seen to happen before that happened in spite of them.
"""

import asyncio
import itertools
import uuid

import pytest
import pytest_asyncio

from shared.testing.faulty_api import Answer, Hold, Rule
from shared.testing.flux import KUSTOMIZATION

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFLICT, EXPIRED = Answer(409), Answer(410, "Expired")
BUSY, BROKEN, AWAY = Answer(429, retry_after="1"), Answer(500, "InternalError"), Answer(503)
ENDED = Answer(200)
FEW = 30
# What has failed for a while is not tried again at once.
PATIENCE = 60
REFUSALS = (CONFLICT, BUSY, BROKEN, AWAY)

WRITES = {
    "finalizer": ("PATCH", "/kustomizations/{name}$"),
    "status": ("PATCH", "/kustomizations/{name}/status$"),
    "rehearsal": ("REHEARSE", "/configmaps/{name}$"),
    "apply": ("PATCH", "/configmaps/{name}$"),
    "delete": ("DELETE", "/configmaps/{name}$"),
}


@pytest.fixture(scope="module")
def api(lasting_api):
    return lasting_api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flux(lasting, api):
    async with lasting("errors", api, "--max-retry-delay=2s") as flux:
        yield flux


@pytest.fixture(autouse=True)
def healthy(api):
    yield
    api.heal()


@pytest.fixture
def start(flux, config_map):
    """Makes a source with a ConfigMap and a Kustomization, all of one name."""

    async def start(name, **spec):
        await flux.publish(config_map(name), source=name)
        return await flux.kustomization(name, source=name, labels=flux.mine, **spec)

    return start


@pytest.fixture
def name():
    return f"a{uuid.uuid4().hex[:6]}"


def refusing(what, name, error, times=None):
    verb, path = WRITES[what]
    return Rule(verb, path.format(name=name), error, times=times)


async def hit(api, rules, times=1):
    """Waits until all rules have hit so often."""
    await asyncio.to_thread(api.wait, lambda: all(len(rule.hits) >= times for rule in rules))


async def test_refused_writes_of_some_do_not_keep_others_from_their_end(flux, api, start):
    cases = {
        f"{what}-{error.status}": refusing(what, f"{what}-{error.status}", error)
        for what, error in itertools.product(("finalizer", "status", "rehearsal", "apply"), REFUSALS)
    }
    api.disturb(*cases.values())
    for name in cases:
        await start(name)
    await hit(api, cases.values())
    await start("well")
    await flux.ready("well")
    for name in cases:
        troubled = await flux.live(KUSTOMIZATION, name)
        assert flux.condition(troubled, "Ready")["status"] != "True", name
    api.heal()
    for name in cases:
        app = await flux.ready(name, seconds=PATIENCE)
        assert flux.inventory(app) == [flux.id_of("ConfigMap", name)], name


async def test_refused_deletes_are_tried_again(flux, api, start, config_map):
    pruned = {f"pruned-{error.status}": error for error in REFUSALS}
    removed = {f"removed-{error.status}": error for error in REFUSALS}
    cases = {name: refusing("delete", name, error) for name, error in (pruned | removed).items()}
    for name in cases:
        await start(name)
    for name in cases:
        await flux.ready(name)
    api.disturb(*cases.values())
    for name in pruned:
        await flux.publish(config_map(f"{name}-next"), source=name)
    for name in removed:
        await flux.delete(KUSTOMIZATION, name)
    await hit(api, cases.values(), times=2)
    await start("fine")
    await flux.ready("fine")
    for name in cases:
        assert await flux.live("ConfigMap", name), name
        assert await flux.live(KUSTOMIZATION, name), name
    api.heal()
    for name in pruned:
        app = await flux.ready(name, seconds=PATIENCE)
        assert flux.inventory(app) == [flux.id_of("ConfigMap", f"{name}-next")], name
    for name in removed:
        await flux.gone(KUSTOMIZATION, name, PATIENCE)
    assert not set(cases) & set(await flux.names())


async def test_a_busy_server_is_waited_for_without_a_failure(flux, api, config_map):
    cases = {
        f"busy-{what}": refusing(what, f"busy-{what}", BUSY, times=2)
        for what in ("status", "rehearsal", "apply")
    }
    for name in cases:
        await flux.publish(config_map(name), source=name)
    await flux.sources_seen(flux.mine)
    api.disturb(*cases.values())
    created = {name: await flux.kustomization(name, source=name, labels=flux.mine) for name in cases}
    for name, rule in cases.items():
        await flux.ready(name)
        versions = await flux.versions(
            KUSTOMIZATION, created[name], lambda obj: flux.condition(obj, "Ready")["status"] == "True"
        )
        assert len(rule.hits) == 2, name
        assert "False" not in {flux.condition(obj, "Ready")["status"] for obj in versions}, name


async def test_events_that_nobody_takes_keep_no_turn_from_its_end(flux, api, start, config_map, name):
    rule = Rule("POST", f"/{flux.namespace}/events$", Hold(forward=False))
    api.disturb(rule)
    await start(name)
    await hit(api, [rule])
    await flux.publish(config_map(f"{name}-new"), source=name)
    await flux.ready(name)


async def test_conflicts_on_a_status_cost_no_second_turn(flux, api, config_map, name):
    await flux.publish(config_map(name), source=name)
    await flux.sources_seen(flux.mine)
    rule = refusing("status", name, CONFLICT, times=3)
    api.disturb(rule)
    await flux.kustomization(name, source=name, labels=flux.mine)
    await flux.ready(name)
    assert len(rule.hits) == 3
    await flux.turns(1, name)
    assert await asyncio.to_thread(flux.count_of_turns, name) == 1


@pytest.mark.parametrize(
    "last", [None, EXPIRED, BROKEN], ids=["in the middle of an event", "as expired", "with an error"]
)
async def test_watches_that_end_are_opened_again(flux, api, start, config_map, name, last):
    await start(name)
    await flux.ready(name)
    assert api.break_watches("", last) >= 2
    await flux.publish(config_map(f"{name}-new"), source=name)
    assert flux.inventory(await flux.ready(name)) == [flux.id_of("ConfigMap", f"{name}-new")]


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        *itertools.product(["WATCH"], [EXPIRED, BUSY, BROKEN, AWAY, ENDED]),
        *itertools.product(["GET"], [EXPIRED, BUSY, BROKEN, AWAY]),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
async def test_what_changes_while_nothing_is_heard_of_it_is_not_missed(
    flux, api, start, config_map, name, verb, error
):
    """The watch of sources is broken, and the next one, or the list before it, is refused."""
    await start(name)
    await flux.ready(name)
    rule = Rule(verb, "/gitrepositories$", error)
    api.disturb(rule)
    assert api.break_watches("/gitrepositories$", EXPIRED if verb == "GET" else None) == 1
    await hit(api, [rule])
    await flux.publish(config_map(f"{name}-new"), source=name)
    await flux.change(name, timeout="5m")
    await flux.turns(2, name)
    assert await flux.live("ConfigMap", f"{name}-new") is None
    assert len(rule.hits) < FEW
    api.heal()
    app = await flux.ready(name, seconds=PATIENCE)
    assert flux.inventory(app) == [flux.id_of("ConfigMap", f"{name}-new")]


@pytest.mark.parametrize("error", [EXPIRED, AWAY, ENDED], ids=lambda error: str(error.status))
async def test_a_health_check_goes_on_when_its_watch_works_again(flux, api, start, name, error):
    containers = [{"name": "main", "image": "main:1"}]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": containers}}},
    }
    await flux.publish(job, source=name)
    await flux.kustomization(name, source=name, labels=flux.mine, wait=True, timeout="1h")
    await flux.progress("Running health checks", name)
    rule = Rule("WATCH", "/jobs$", error)
    api.disturb(rule)
    assert api.break_watches("/jobs$", EXPIRED)
    await hit(api, [rule])
    await flux.finish(name)
    await start(f"{name}-well")
    await flux.ready(f"{name}-well")
    assert flux.condition(await flux.live(KUSTOMIZATION, name), "Ready")["status"] == "Unknown"
    assert len(rule.hits) < FEW
    api.heal()
    await flux.ready(name, seconds=PATIENCE)
