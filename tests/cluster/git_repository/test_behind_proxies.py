"""GitRepositories behind a proxy of their own, whose login nobody sees."""

import pytest

from shared.testing.proxy import ForwardProxy
from shared.testing.ssh_server import SshServer


@pytest.fixture(params=["http", "socks5"])
async def proxy(request):
    async with ForwardProxy(request.param, login=("eve", "h1dden-pass")) as proxy:
        yield proxy


async def test_a_repository_is_fetched_through_its_proxy(source, proxy):
    source.upstream.commit({"a": "1"})
    await source.secret("proxy", address=proxy.url, username="eve", password="h1dden-pass")
    await source.repository(proxySecretRef={"name": "proxy"})
    await source.ready()
    assert set(proxy.targets) == {f"127.0.0.1:{source.server.port}"}
    await source.secret("wrong", address=proxy.url, username="eve", password="h1dden-other")
    await source.repository("wrong", proxySecretRef={"name": "wrong"})
    await source.fails("GitOperationFailed", "failed to checkout and determine revision: ", "wrong")
    assert "h1dden" not in source.process.log.read_text()
    assert "h1dden" not in str(await source.get("wrong"))


async def test_ssh_takes_a_socks_proxy(source, tmp_path):
    source.upstream.commit({"a": "1"})
    async with SshServer(tmp_path) as ssh, ForwardProxy("socks5") as proxy:
        await source.secret("login", **ssh.secret_texts())
        await source.secret("proxy", address=proxy.url)
        access = {"secretRef": {"name": "login"}, "proxySecretRef": {"name": "proxy"}}
        await source.repository(url=ssh.url(), **access)
        await source.ready()
        assert set(proxy.targets) == {f"127.0.0.1:{ssh.port}"}


async def test_a_proxy_that_can_not_be_used_is_explained_before_anything_is_sent(source):
    source.upstream.commit({"a": "1"})
    await source.repository(proxySecretRef={"name": "proxy"})
    missing = f"failed to configure proxy options: failed to get secret '{source.namespace}/proxy'"
    failed = await source.fails("AuthenticationFailed", missing)
    assert source.condition(failed, "FetchFailed")["reason"] == "AuthenticationFailed"
    await source.secret("empty", username="eve", password="x")
    await source.change(proxySecretRef={"name": "empty"})
    await source.fails("AuthenticationFailed", "the key 'address' is missing or empty")
    await source.secret("ftp", address="ftp://127.0.0.1:1")
    await source.change(proxySecretRef={"name": "ftp"})
    await source.fails("AuthenticationFailed", "one of the schemes http, https, socks5")
    assert source.server.log == []
    await source.secret("away", address="http://127.0.0.1:1")
    await source.change(proxySecretRef={"name": "away"})
    await source.fails("GitOperationFailed", "the proxy can't be reached or refuses")
