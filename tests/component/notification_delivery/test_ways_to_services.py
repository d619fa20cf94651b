"""Services are reached through proxies, and over TLS with an authority and a certificate of one's own."""

import asyncio

import pytest

from notification_controller.delivery import Sessions, Unusable
from notification_controller.notification import NotDelivered
from shared.proxies import EnvironmentProxies
from shared.testing.inbox import Inbox, Reply
from shared.testing.proxy import ForwardProxy, Guide


@pytest.fixture
async def secure(authority):
    async with Inbox(tls=authority.server_context(clients=True)) as inbox:
        yield inbox


@pytest.fixture
async def proxy():
    async with ForwardProxy(login=("pete", "pr0xy")) as proxy:
        yield proxy


async def test_an_authority_and_a_client_certificate_let_in(secure, deliver, cluster, authority, provider):
    pair = authority.client("flux")
    cluster.add("tls", ca__crt=authority.pem, tls__crt=pair.certificate, tls__key=pair.key)
    await deliver(provider("generic", secure.url, certSecretRef="tls"))
    assert [each.client for each in secure.received] == ["flux"]


async def test_certificates_that_nobody_trusts_are_reported_at_once(secure, deliver, provider):
    with pytest.raises(NotDelivered, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted") as caught:
        await deliver(provider("generic", secure.url))
    assert not caught.value.retry


async def test_a_client_certificate_is_shown_to_no_other_host(secure, deliver, cluster, authority, provider):
    pair = authority.client("flux")
    cluster.add("tls", ca__crt=authority.pem, tls__crt=pair.certificate, tls__key=pair.key)
    async with Inbox(tls=authority.server_context("localhost")) as other:
        secure.reply = Reply(307, headers={"Location": other.url.replace("127.0.0.1", "localhost")})
        await deliver(provider("generic", secure.url, certSecretRef="tls"))
        assert [each.client for each in secure.received + other.received] == ["flux", ""]


async def test_tls_keys_beside_credentials_are_not_for_this_type(
    secure, deliver, cluster, authority, provider
):
    cluster.add("s", ca__crt=authority.pem)
    with pytest.raises(NotDelivered, match="not trusted"):
        await deliver(provider("generic", secure.url, secretRef="s"))


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("tls", [False, True])
async def test_a_proxy_with_a_login_is_passed(proxy, deliver, cluster, authority, scheme, tls, provider):
    proxy.scheme = scheme
    cluster.add("proxy", address=proxy.url, username="pete", password="pr0xy")
    cluster.add("tls", ca__crt=authority.pem)
    async with Inbox(tls=authority.server_context() if tls else None) as inbox:
        given = provider("generic", inbox.url, proxySecretRef="proxy", certSecretRef="tls")
        await deliver(given)
        await deliver(given)
        assert len(inbox.received) == 2
        assert "proxy-authorization" not in inbox.received[0].headers
        assert set(proxy.targets) == {f"127.0.0.1:{inbox.port}"}


async def test_the_last_proxy_that_is_named_wins(inbox, deliver, cluster, provider):
    async with ForwardProxy() as first, ForwardProxy() as second, ForwardProxy() as third:
        cluster.add("s", proxy=f" {second.url}\n")
        cluster.add("proxy", address=third.url)
        await deliver(provider("generic", inbox.url, proxy=first.url))
        assert [len(each.targets) for each in (first, second, third)] == [1, 0, 0]
        await deliver(provider("generic", inbox.url, proxy=first.url, secretRef="s"))
        assert [len(each.targets) for each in (first, second, third)] == [1, 1, 0]
        await deliver(provider("generic", inbox.url, proxy=first.url, secretRef="s", proxySecretRef="proxy"))
        assert [len(each.targets) for each in (first, second, third)] == [1, 1, 1]


async def test_the_environment_names_a_proxy_where_nobody_else_does(inbox, provider, open_by, notification):
    async with Guide(inbox.port) as general, ForwardProxy() as own:
        environ = {"HTTP_PROXY": general.url, "NO_PROXY": "direct.example.test"}
        async with Sessions(EnvironmentProxies.read(environ)) as sessions:
            notifiers = open_by(sessions)
            for spec in ({}, {"proxy": own.url}):
                host = "127.0.0.1" if spec else "hooks.example.test"
                given = provider("generic", f"http://{host}:{inbox.port}", **spec)
                await (await notifiers.open(given)).post(notification)
        assert general.asked == ["hooks.example.test"]
        assert own.targets == [f"127.0.0.1:{inbox.port}"]


@pytest.mark.looptime(noop_cycles=2000)
async def test_a_proxy_that_refuses_shows_no_password(proxy, inbox, deliver, cluster, provider):
    cluster.add("proxy", address=proxy.url, username="pete", password="wr0ng")
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("generic", inbox.url, proxySecretRef="proxy"))
    assert "wr0ng" not in str(caught.value)


async def test_connections_are_kept_and_ways_are_apart(inbox, deliver, cluster, authority, provider):
    for _ in range(3):
        await deliver(provider("generic", inbox.url))
    assert len(inbox.connections) == 1
    cluster.add("tls", ca__crt=authority.pem)
    await deliver(provider("generic", inbox.url, certSecretRef="tls"))
    assert len(inbox.connections) == 2


async def test_deliveries_that_hang_keep_no_other_one_from_the_same_host(inbox, deliver, provider):
    inbox.replies = [Reply(None)] * 25
    async with asyncio.TaskGroup() as group:
        hanging = [group.create_task(deliver(provider("generic", inbox.url))) for _ in range(25)]
        while len(inbox.received) < 25:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        await deliver(provider("generic", inbox.url))
        for each in hanging:
            each.cancel()


async def test_ways_that_were_not_taken_for_long_are_given_up(
    inbox, deliver, cluster, sessions, authority, provider
):
    for number in range(5):
        pair = authority.client(f"c{number}")
        cluster.add("tls", tls__crt=pair.certificate, tls__key=pair.key)
        await deliver(provider("generic", inbox.url, certSecretRef="tls"))
    assert len(inbox.received) == 5
    assert len(sessions._held) == 3


async def test_cookies_are_not_kept(inbox, deliver, provider):
    inbox.reply = Reply(200, headers={"Set-Cookie": "id=1; Path=/"})
    for _ in range(2):
        await deliver(provider("generic", inbox.url))
    assert "cookie" not in inbox.received[1].headers


@pytest.mark.parametrize(
    ("secret", "error"),
    [
        ({"ca__crt": "nonsense"}, "ca.crt"),
        ({"tls__crt": "nonsense"}, "tls.key"),
        ({"other": "x"}, "none of the keys"),
    ],
)
async def test_tls_material_that_can_not_be_used_is_named_before_anything_is_sent(
    inbox, notifiers, cluster, secret, error, provider
):
    cluster.add("tls", **secret)
    with pytest.raises(Unusable, match=error):
        await notifiers.open(provider("generic", inbox.url, certSecretRef="tls"))
