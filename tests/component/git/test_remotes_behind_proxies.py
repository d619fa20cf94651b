"""Remotes are reached through the proxy that was named, by HTTP, HTTPS and SSH."""

import pytest
from yarl import URL

from shared.api.source_v1 import GitRepositoryRef
from shared.auth import BasicAuth, Proxy
from shared.git import InvalidRemote, Remote, RemoteError
from shared.testing.git_server import GitServer
from shared.testing.proxy import ForwardProxy
from shared.testing.ssh_server import SshServer
from shared.testing.tls import Authority

MAIN = GitRepositoryRef(branch="main")


@pytest.fixture(autouse=True)
def committed(upstream):
    upstream.commit({"a": "1"})


@pytest.fixture(params=["http", "socks5"])
async def proxy(request):
    async with ForwardProxy(request.param, login=("eve", "hidden")) as proxy:
        yield proxy


def through(proxy, password="hidden"):
    return Proxy(URL(proxy.url), BasicAuth("eve", password))


async def fetched(client, remote):
    head = await client.resolve(remote, MAIN)
    async with client.fetch(remote, head) as checkout:
        return [entry.path for entry in checkout.tree]


async def test_http_goes_through(client, root, proxy):
    async with GitServer(root) as server:
        assert await fetched(client, Remote.parse(server.url(), proxy=through(proxy))) == ["a"]
        assert set(proxy.targets) == {f"127.0.0.1:{server.port}"}


async def test_https_goes_through(client, root, proxy):
    authority = Authority()
    async with GitServer(root, tls=authority.server_context()) as server:
        remote = Remote.parse(server.url(), {"ca.crt": authority.pem}, proxy=through(proxy))
        assert await fetched(client, remote) == ["a"]
        assert set(proxy.targets) == {f"127.0.0.1:{server.port}"}


@pytest.mark.parametrize("proxy", ["socks5"], indirect=True)
async def test_ssh_goes_through(client, root, proxy):
    async with SshServer(root) as server:
        remote = Remote.parse(server.url(), server.secret(), proxy=through(proxy))
        assert await fetched(client, remote) == ["a"]
        assert proxy.targets == [f"127.0.0.1:{server.port}"] * 2


async def test_a_wrong_login_gets_nowhere_and_is_not_shown(client, root, proxy):
    async with GitServer(root) as web, SshServer(root) as ssh:
        wrong = through(proxy, "hid")
        remotes = [Remote.parse(web.url(), proxy=wrong)]
        if proxy.scheme == "socks5":
            remotes.append(Remote.parse(ssh.url(), ssh.secret(), proxy=wrong))
        for remote in remotes:
            with pytest.raises(RemoteError, match=r"unable to list remote for '") as caught:
                await client.resolve(remote, MAIN)
            assert "hid" not in str(caught.value)
    assert (proxy.targets, proxy.refused) == ([], len(remotes))


async def test_a_proxy_that_is_away_is_named(client, root):
    http, socks = (Proxy(URL(f"{scheme}://127.0.0.1:1")) for scheme in ("http", "socks5"))
    async with GitServer(root) as web, SshServer(root) as ssh:
        for remote in (
            Remote.parse(web.url(), proxy=http),
            Remote.parse(web.url(), proxy=socks),
            Remote.parse(ssh.url(), ssh.secret(), proxy=socks),
        ):
            with pytest.raises(RemoteError, match="the proxy can't be reached or refuses"):
                await client.resolve(remote, MAIN)


async def test_ssh_says_which_proxies_it_can_use(client, root):
    async with SshServer(root) as server:
        remote = Remote.parse(server.url(), server.secret(), proxy=Proxy(URL("http://127.0.0.1:1")))
        with pytest.raises(InvalidRemote, match="scheme 'http', use a socks5 proxy"):
            await client.resolve(remote, MAIN)
