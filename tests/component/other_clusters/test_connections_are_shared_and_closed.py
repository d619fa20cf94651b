"""Connections to other clusters: who shares one, how long it lives, and how often a dead end is tried."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from aiohttp import web

from shared.api.meta import KubeConfigReference
from shared.auth.cloud import User
from shared.auth.remote import Allowed
from shared.kube.errors import NotFound
from shared.kube.resources import ObjectKey
from shared.runtime.clusters import ClusterNotNamed, ClusterPolicy, Clusters, ClusterUnusable
from shared.runtime.slots import Slots
from shared.runtime.turn import Turn

USER = User("Kustomization", "team", "app")


class ManualClock:
    seconds = 0.0

    def now(self):
        return datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


class Server:
    """An API server of a kind: counts who connects and what is asked."""

    def __init__(self, clock):
        self.clock = clock
        self.connections = set()
        self.asked = 0
        self.status = 200
        self.takes = 0.0
        self.port = 0

    async def handle(self, request):
        self.connections.add(request.transport.get_extra_info("peername"))
        self.asked += 1
        self.clock.seconds += self.takes
        return web.json_response({"kind": "Status", "code": self.status, "message": "so"}, status=self.status)

    def kubeconfig(self, token="t0ken"):
        server = f"http://127.0.0.1:{self.port}"
        return {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }


class Secrets:
    """A client of the first cluster that knows Secrets alone."""

    def __init__(self):
        self.texts = {}

    async def get(self, resource, namespace, name):
        if name not in self.texts:
            raise NotFound(404, "NotFound", f'{resource.plural} "{name}" not found')
        text = self.texts[name]
        return {"data": {"value": base64.b64encode(json.dumps(text).encode()).decode()}}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def server(clock):
    one = Server(clock)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", one.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.port = runner.addresses[0][1]
    yield one
    await runner.cleanup()


@pytest.fixture
def secrets(server):
    found = Secrets()
    found.texts["other"] = server.kubeconfig()
    return found


@pytest.fixture
def known(secrets, clock):
    @asynccontextmanager
    async def make(**policy):
        defaults = {"user_agent": "test", "qps": 0, "burst": 1, "concurrent": 4}
        async with Clusters(secrets, None, ClusterPolicy(Allowed(), **defaults | policy), clock) as clusters:
            yield clusters

    return make


@pytest.fixture
def turn(clock):
    def make(slots=None):
        return Turn(
            ObjectKey("team", "app"),
            {"metadata": {}},
            None,
            recorder=None,
            slots=slots or Slots(1),
            clock=clock,
            log=structlog.get_logger(),
            asked_at=0.0,
            cancel_waits=False,
        )

    return make


def to(name="other"):
    return KubeConfigReference.model_validate({"secretRef": {"name": name}})


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_same_credentials_share_a_connection_and_others_do_not(server, secrets, known, turn):
    secrets.texts |= {"same": server.kubeconfig(), "else": server.kubeconfig("other")}
    async with known() as clusters:
        for name in ("other", "same", "else", "other"):
            async with clusters.entered(to(name), USER, turn()) as client:
                await client.request("GET", "/x")
        assert len(clusters) == 2
        assert len(server.connections) == 2
        assert server.asked == 6  # each connection was tried once before it was used


async def test_what_nobody_uses_is_closed_after_a_while(server, known, turn):
    async with known(idle=timedelta(0)) as clusters:
        async with clusters.entered(to(), USER, turn()) as client:
            assert len(clusters) == 1
        await settle()
        assert len(clusters) == 0
        with pytest.raises(RuntimeError, match="Session is closed"):
            await client.request("GET", "/x")


async def test_no_more_than_some_are_kept_that_nobody_uses(server, secrets, known, turn):
    async with known(idle_at_most=2) as clusters:
        for number in range(4):
            secrets.texts[f"n{number}"] = server.kubeconfig(f"t{number}")
            async with clusters.entered(to(f"n{number}"), USER, turn()):
                pass
        assert len(clusters) == 2
        await settle()
        async with clusters.entered(to("n3"), USER, turn()):
            pass
        assert len(server.connections) == 4


async def test_a_connection_lives_as_long_as_those_who_work_with_it(server, known, turn):
    async with known() as clusters, clusters.entered(to(), USER, turn()) as client:
        server.status = 401
        with pytest.raises(Exception, match="so"):
            await client.request("GET", "/x")
        with pytest.raises(ClusterUnusable, match="refuses the credentials"):
            async with clusters.entered(to(), USER, turn()):
                raise AssertionError
        server.status = 200
        async with clusters.entered(to(), USER, turn()) as fresh:
            await fresh.request("GET", "/x")
        await client.request("GET", "/x")
        assert len(server.connections) == 2


async def test_a_failure_is_believed_for_as_long_as_it_took(server, known, turn, clock):
    server.status, server.takes = 503, 10.0
    async with known() as clusters:
        for seconds, asked in ((0, 1), (9, 1), (2, 2)):
            clock.seconds += seconds
            with pytest.raises(
                ClusterUnusable, match=r"secret 'team/other', key 'value', can't be used: .*so"
            ):
                async with clusters.entered(to(), USER, turn()):
                    raise AssertionError
            assert server.asked == asked


async def test_work_in_a_cluster_takes_slots_of_the_cluster(server, known, turn):
    slots = Slots(1)
    async with known(concurrent=1) as clusters:
        await slots.take()
        async with clusters.entered(to(), USER, turn(slots)):
            assert slots.busy == 0
            await slots.take()
            waiting = asyncio.create_task(enter(clusters, turn(slots)))
            await settle()
            assert slots.busy == 0
            assert not waiting.done()
        assert slots.busy == 1
        slots.give()
        await waiting
        assert slots.busy == 1


async def enter(clusters, turn):
    async with clusters.entered(to(), USER, turn):
        pass


async def test_what_is_not_there_is_told_from_what_can_not_be_used(known, turn, secrets):
    secrets.texts["none"] = ["nothing"]
    async with known() as clusters:
        with pytest.raises(ClusterNotNamed, match="unable to read KubeConfig secret 'team/missing'"):
            async with clusters.entered(to("missing"), USER, turn()):
                raise AssertionError
        with pytest.raises(ClusterUnusable, match="it is no kubeconfig") as failed:
            async with clusters.entered(to("none"), USER, turn()):
                raise AssertionError
        assert not isinstance(failed.value, ClusterNotNamed)
