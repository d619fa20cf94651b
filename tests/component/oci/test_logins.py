"""Passwords and tokens are sent where they are asked for, and nowhere else."""

import pytest
from aiohttp import web

from shared.auth import RegistryLogin
from shared.oci import LoginRefused, RegistryError
from shared.testing.registry import Gate


@pytest.fixture
def tokens(gate):
    """Lets somebody in who has a token; the answer of the service for them is what a test says."""

    def tokens(answer):
        gate.bearer = ("ada", "hidden")
        gate.fault = lambda request: answer() if request.path == "/token" else None

    return tokens


async def test_a_password_is_sent_where_it_is_asked_for(registry, store, name, gate):
    store.push(name, "v1", {"a": "1"})
    gate.basic = ("ada", "hidden")
    login = RegistryLogin("ada", "hidden")
    known = registry(login=login, insecure=True)
    await known.digest("v1")
    assert [each.status for each in gate.log] == [401, 200]
    await registry(login=login, insecure=True).digest("v1")
    assert [each.status for each in gate.log] == [401, 200, 200]
    for wrong in (None, RegistryLogin("ada", "hid")):
        with pytest.raises(LoginRefused) as caught:
            await registry(login=wrong, insecure=True).digest("v1")
        assert "hid" not in str(caught.value)


async def test_a_token_is_fetched_once(registry, store, name, gate):
    store.push(name, "v1", {"a": "1"})
    gate.bearer = ("ada", "hidden")
    access = {"login": RegistryLogin("ada", "hidden"), "insecure": True}
    await registry(**access).digest("v1")
    await registry(**access).manifest("v1")
    assert gate.tokens == 1
    assert f"scope=repository:{name}:pull" in next(each.path for each in gate.log if "/token" in each.path)
    with pytest.raises(LoginRefused, match="does not accept the login"):
        await registry(login=RegistryLogin("eve", "x"), insecure=True).digest("v1")


async def test_a_token_that_is_refused_is_replaced(registry, store, name, gate):
    store.push(name, "v1", {"a": "1"})
    gate.bearer = ("ada", "hidden")
    access = {"login": RegistryLogin("ada", "hidden"), "insecure": True}
    await registry(**access).digest("v1")
    gate.fault = lambda request: (
        web.Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="http://{gate.host}/token"'})
        if request.headers.get("Authorization") == "Bearer token-1"
        else None
    )
    await registry(**access).digest("v1")
    assert gate.tokens == 2


async def test_no_password_goes_over_plain_http_unasked(registry, store, name, gate):
    store.push(name, "v1", {"a": "1"})
    login = RegistryLogin("ada", "hidden")
    assert await registry(login=login).tags() == ["v1"]
    told = f"{gate.host} wants the login to be sent over plain HTTP; set spec.insecure to allow that"
    gate.basic = ("ada", "hidden")
    with pytest.raises(LoginRefused, match=told):
        await registry(login=login).digest("v1")
    gate.basic, gate.bearer = None, ("ada", "hidden")
    with pytest.raises(LoginRefused, match=told):
        await registry(login=login).digest("v1")
    with pytest.raises(LoginRefused, match=told):
        await registry(login=RegistryLogin(registry_token="token-1")).digest("v1")
    assert not any("Authorization" in each.headers for each in gate.log)


async def test_a_token_for_anybody_goes_over_plain_http(registry, store, tokens, name):
    digest = store.push(name, "v1", {"a": "1"})
    tokens(lambda: web.json_response({"token": "token-1"}))
    assert await registry().digest("v1") == digest


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<html>", "gives no token: not valid JSON"),
        ("[]", "gives no token$"),
        ('{"token": 5}', "gives no token$"),
        ('{"token": ""}', "gives no token$"),
        ('{"token": "a\\u0000b"}', "gives no token$"),
        ('{"token": "a b"}', "gives no token$"),
        ('{"token": "a\\u00e9"}', "gives no token$"),
    ],
)
async def test_what_is_no_token_is_told(registry, tokens, body, text):
    tokens(lambda: web.Response(text=body))
    with pytest.raises(RegistryError, match=text):
        await registry(insecure=True).digest("v1")


@pytest.mark.parametrize("life", ["1e400", "-5", "true", "99999999999999999999999", '"x"', "null"])
async def test_a_token_may_say_oddly_how_long_it_lasts(registry, store, tokens, name, life):
    digest = store.push(name, "v1", {"a": "1"})
    tokens(lambda: web.Response(text=f'{{"token": "token-1", "expires_in": {life}}}'))
    if life == "1e400":
        with pytest.raises(RegistryError, match="gives no token"):
            await registry(insecure=True).digest("v1")
    else:
        assert await registry(insecure=True).digest("v1") == digest


@pytest.mark.parametrize("realm", ["", "x", "ftp://h/", "http://h:99999/", "http:///x", "http://a..b/"])
async def test_tokens_come_from_an_address(registry, gate, realm):
    challenge = {"WWW-Authenticate": f'Bearer realm="{realm}"'}
    gate.fault = lambda request: web.Response(status=401, headers=challenge)
    with pytest.raises(RegistryError, match="names no address to get tokens from"):
        await registry(insecure=True).digest("v1")


async def test_a_login_does_not_follow_a_redirect_that_asks_for_it(registry, store, name, gate):
    store.push(name, "v1", {"a": "1"})
    async with Gate(store) as other:
        other.bearer = ("ada", "hidden")

        def elsewhere(request):
            if "/manifests/" in request.path:
                return web.Response(status=307, headers={"Location": f"http://{other.host}{request.path_qs}"})
            return None

        gate.fault = elsewhere
        login = RegistryLogin("ada", "hidden")
        with pytest.raises(LoginRefused, match=f"authentication required: GET http://{other.host}/v2/{name}"):
            await registry(login=login, insecure=True).manifest("v1")
        assert not any("Authorization" in each.headers for each in other.log)
