"""A client certificate is shown to the origin that it was given for; authorities are trusted everywhere."""

import pytest
from yarl import URL

from shared.auth import TlsContexts, TlsMaterial
from shared.testing.tls import Authority

HOME, AWAY = URL("https://home.example.org/a"), URL("https://away.example.org/a")


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def pair(authority):
    client = authority.client("ada")
    return {"certificate": client.certificate, "key": client.key}


async def test_others_get_a_context_without_the_certificate(authority, pair):
    contexts = TlsContexts(TlsMaterial(authority.pem, **pair), HOME.origin())
    own, other = await contexts.of(HOME), await contexts.of(AWAY)
    assert own is not other
    assert own is await contexts.of(URL("https://home.example.org/b"))
    assert other is await contexts.of(URL("https://home.example.org:8443/"))


async def test_without_authorities_nothing_is_left_for_others(pair):
    contexts = TlsContexts(TlsMaterial(**pair), HOME.origin())
    assert await contexts.of(HOME) is not None
    assert await contexts.of(AWAY) is None


async def test_on_demand_all_are_shown_it(pair):
    contexts = TlsContexts(TlsMaterial(**pair), HOME.origin(), anywhere=True)
    assert await contexts.of(AWAY) is await contexts.of(HOME)
