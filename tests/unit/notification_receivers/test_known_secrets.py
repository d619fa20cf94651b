"""What Secrets say is kept, and asked again no more often than it has to be."""

import asyncio
import base64
from dataclasses import dataclass

import pytest

from notification_controller.receivers.known_secrets import KnownSecrets
from notification_controller.receivers.material import NoToken
from shared.kube.errors import NotFound, Unreachable
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey

KEY = ObjectKey("n", "s")


@dataclass
class Clock:
    time: float = 1000.0

    def monotonic(self):
        return self.time


@dataclass
class Api:
    """The API server as far as a Secret goes."""

    token: str | None = "old"
    version: int = 1
    away: bool = False
    asked: int = 0

    async def get(self, resource, namespace, name):
        self.asked += 1
        if self.away:
            raise Unreachable("no answer")
        if self.token is None:
            raise NotFound(404, "NotFound", f'secrets "{name}" not found')
        return {
            "metadata": {"resourceVersion": str(self.version)},
            "data": {"token": base64.b64encode(self.token.encode()).decode()},
        }

    def change(self, token):
        self.token, self.version = token, self.version + 1


def always(material):
    return True


def never(material):
    return False


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def clock():
    return Clock()


def seen_by_watch(version):
    informer = Informer(None, "", "Secret", lambda obj: obj["metadata"]["resourceVersion"])
    informer.absorb({"metadata": {"name": "s", "namespace": "n", "resourceVersion": version, "uid": "u"}})
    return informer


async def test_a_secret_is_read_once(api, clock):
    secrets = KnownSecrets(api, None, clock)
    for _ in range(10):
        held = await secrets.held(KEY, always)
        assert held.usable.token == b"old"
    assert api.asked == 1
    assert not secrets.is_current(KEY, held)


async def test_without_a_watch_it_is_looked_at_now_and_then(api, clock):
    secrets = KnownSecrets(api, None, clock)
    held = await secrets.held(KEY, always)
    assert not secrets.may_ask_again(KEY, held)
    clock.time += 30
    assert secrets.may_ask_again(KEY, held)
    assert not secrets.may_ask_again(KEY, await secrets.read(KEY))


async def test_what_the_watch_has_seen_is_current(api, clock):
    watched = seen_by_watch("1")
    secrets = KnownSecrets(api, watched, clock)
    held = await secrets.held(KEY, always)
    assert secrets.is_current(KEY, held)
    clock.time += 3600
    assert not secrets.may_ask_again(KEY, held)
    api.change("new")
    assert (await secrets.held(KEY, always)).usable.token == b"old"
    watched.absorb({"metadata": {"name": "s", "namespace": "n", "resourceVersion": "2", "uid": "u"}})
    assert (await secrets.held(KEY, always)).usable.token == b"new"
    assert api.asked == 2


async def test_a_token_that_is_not_that_of_its_path_is_read_again(api, clock):
    secrets = KnownSecrets(api, None, clock)
    await secrets.held(KEY, always)
    api.change("new")
    assert (await secrets.held(KEY, never)).usable.token == b"old"
    clock.time += 1
    assert (await secrets.held(KEY, never)).usable.token == b"new"
    assert (await secrets.held(KEY, never)).usable.token == b"new"
    assert api.asked == 2


@pytest.mark.parametrize("token", [None, ""])
async def test_a_secret_of_no_use_is_not_asked_for_at_every_call(api, clock, token):
    api.token = token
    secrets = KnownSecrets(api, None, clock)
    for _ in range(10):
        held = await secrets.held(KEY, always)
        with pytest.raises(NoToken, match="n/s"):
            _ = held.usable
    assert api.asked == 1
    api.change("new")
    clock.time += 1
    assert (await secrets.held(KEY, always)).usable.token == b"new"


async def test_an_outage_is_not_remembered(api, clock):
    secrets = KnownSecrets(api, None, clock)
    api.away = True
    with pytest.raises(Unreachable):
        await secrets.held(KEY, always)
    api.away = False
    assert (await secrets.held(KEY, always)).usable.token == b"old"


async def test_calls_that_come_together_share_a_request(api, clock):
    secrets = KnownSecrets(api, None, clock)
    await asyncio.gather(*(secrets.held(KEY, always) for _ in range(20)))
    assert api.asked == 1
    assert not secrets._reading


async def test_no_secret_shows_in_what_is_held(api, clock):
    held = await KnownSecrets(api, None, clock).held(KEY, always)
    assert "old" not in repr(held)
