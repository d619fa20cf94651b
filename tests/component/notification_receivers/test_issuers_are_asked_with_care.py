"""Keys of issuers are found, kept and renewed, and nobody can make us ask without end."""

import asyncio
from dataclasses import dataclass

import aiohttp
import pytest

from notification_controller.receivers.issuers import Issuers, Patience
from notification_controller.receivers.jose import Token
from notification_controller.receivers.webhook import Unauthenticated
from shared.testing.issuer import Issuer, SigningKey

DISCOVERY = "/.well-known/openid-configuration"


@dataclass
class Clock:
    time: float = 1000.0

    def monotonic(self):
        return self.time


@pytest.fixture
async def issuer():
    async with Issuer() as issuer:
        yield issuer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def issuers(http, clock):
    return Issuers(http, clock)


async def verified(issuers, issuer, token=None, **options):
    try:
        await issuers.verify(Token.parse(token or issuer.token()), issuer.url, **options)
    except Unauthenticated as refused:
        return str(refused)
    return "verified"


async def test_keys_are_found_once(issuers, issuer, clock):
    for _ in range(5):
        assert await verified(issuers, issuer) == "verified"
    assert issuer.log == [DISCOVERY, "/keys"]
    clock.time += 3599
    assert await verified(issuers, issuer) == "verified"
    assert len(issuer.log) == 2
    clock.time += 1
    assert await verified(issuers, issuer) == "verified"
    assert len(issuer.log) == 4


async def test_calls_that_come_together_share_an_answer(issuers, issuer):
    answers = await asyncio.gather(*(verified(issuers, issuer) for _ in range(50)))
    assert set(answers) == {"verified"}
    assert issuer.log == [DISCOVERY, "/keys"]


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ({"Cache-Control": "public, max-age=600, must-revalidate"}, 600),
        ({"Cache-Control": "no-store"}, 3600),
        ({"Cache-Control": "max-age=0"}, 60),
        ({"Cache-Control": "s-maxage=5, max-age=999999999"}, 86400),
        ({"Cache-Control": "max-age=x"}, 3600),
    ],
)
async def test_the_issuer_may_say_for_how_long(issuers, issuer, clock, header, kept):
    issuer.headers = header
    await verified(issuers, issuer)
    clock.time += kept - 1
    await verified(issuers, issuer)
    assert len(issuer.log) == 2
    clock.time += 1
    await verified(issuers, issuer)
    assert len(issuer.log) == 4


async def test_new_keys_are_looked_for_after_a_pause(issuers, issuer, clock):
    assert await verified(issuers, issuer) == "verified"
    issuer.keys[:] = [SigningKey("second")]
    for _ in range(20):
        assert "not signed by a key of its issuer" in await verified(issuers, issuer)
    assert len(issuer.log) == 2
    clock.time += 30
    assert await verified(issuers, issuer) == "verified"
    assert len(issuer.log) == 4


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"discovery": {"issuer": "https://other.example"}}, "names another issuer"),
        ({"discovery": {"issuer": None}}, "names another issuer"),
        ({"discovery": {"jwks_uri": None}}, "no safe address of its keys"),
        ({"discovery": {"jwks_uri": "file:///etc/passwd"}}, "no safe address of its keys"),
        ({"discovery": {"jwks_uri": "http://[::1"}}, "its address is malformed"),
        ({"discovery": {"jwks_uri": ["x"]}}, "no safe address of its keys"),
        ({"key_set": []}, "its answer is no document"),
        ({"key_set": {"keys": 1}}, "not a JWK set"),
        ({"answers": {DISCOVERY: (500, {}, b"")}}, "it answered 500"),
        ({"answers": {"/keys": (204, {}, b"")}}, "it answered 204"),
        ({"answers": {"/keys": (200, {}, b"<html>")}}, "its answer is no document"),
        ({"answers": {"/keys": (200, {}, b" " * (1 << 20) + b"{}")}}, "more than 1048576 bytes"),
        (
            {"answers": {"/keys": (302, {"Location": "/keys"}, b"")}},
            "redirects too often",
        ),
        (
            {"answers": {"/keys": (302, {"Location": "ftp://x"}, b"")}},
            "it redirects to",
        ),
        ({"answers": {"/keys": (302, {}, b"")}}, "redirects too often"),
    ],
)
async def test_issuers_that_are_wrong_let_nobody_in(issuers, issuer, clock, change, why):
    for name, value in change.items():
        setattr(issuer, name, value)
    assert why in await verified(issuers, issuer)
    asked = len(issuer.log)
    for _ in range(10):
        assert why in await verified(issuers, issuer)
    assert len(issuer.log) == asked
    for name, value in change.items():
        setattr(issuer, name, type(value)() if name != "key_set" else None)
    clock.time += 30
    assert await verified(issuers, issuer) == "verified"


async def test_an_issuer_that_hangs_is_given_up(issuer, http, clock):
    async def hang(reader, writer):
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    issuer.discovery = {"jwks_uri": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"}
    issuers = Issuers(http, clock, Patience(answer=0.2))
    assert "did not answer within 0.2s" in await verified(issuers, issuer)
    server.close()
    await server.wait_closed()


async def test_an_issuer_behind_a_redirect_is_found(issuers, issuer):
    issuer.discovery = {"jwks_uri": f"{issuer.url}/moved"}
    issuer.answers["/moved"] = (301, {"Location": "/keys"}, b"")
    assert await verified(issuers, issuer) == "verified"


async def test_an_issuer_that_is_away_keeps_its_keys_for_a_while(issuers, issuer, clock):
    assert await verified(issuers, issuer) == "verified"
    issuer.answers = {DISCOVERY: (503, {}, b"")}
    clock.time += 3600
    assert await verified(issuers, issuer) == "verified"
    assert issuer.log.count(DISCOVERY) == 2
    assert await verified(issuers, issuer) == "verified"
    assert issuer.log.count(DISCOVERY) == 2
    clock.time += 86400
    assert "it answered 503" in await verified(issuers, issuer)


async def test_the_algorithms_are_those_of_the_discovery_document(issuers, issuer, clock):
    issuer.discovery = {"id_token_signing_alg_values_supported": ["ES256"]}
    assert "not signed" in await verified(issuers, issuer)
    issuer.discovery = {"id_token_signing_alg_values_supported": ["ES256", "RS256", "none"]}
    clock.time += 30
    assert await verified(issuers, issuer) == "verified"


async def test_keys_of_an_address_need_no_discovery(issuers, issuer):
    assert await verified(issuers, issuer, keys_at=f"{issuer.url}/keys") == "verified"
    assert issuer.log == ["/keys"]
