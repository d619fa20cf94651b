"""A session goes through the proxies of the environment, of every kind, and keeps passwords to itself."""

import asyncio
import contextlib
import ssl

import aiohttp
import pytest
from aiohttp import web

from shared.proxies import EnvironmentProxies, ProxiedConnector
from shared.testing.proxy import ForwardProxy
from shared.testing.tls import Authority

#: Only the proxies of these tests know where it is.
HOST = "app.example.test"


class Guide(ForwardProxy):
    """A proxy that knows the way to the host; `asked` has what it was asked for."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.asked = []

    async def _pass_on(self, host, port, *rest):
        self.asked.append(f"{host}:{port}")
        await super()._pass_on("127.0.0.1", port, *rest)


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def trust(authority):
    return ssl.create_default_context(cadata=authority.pem.decode())


@pytest.fixture(params=["http", "https"])
async def app(request, authority, tmp_path):
    """Tells the headers that it gets; yields its address by a name that nobody can look up."""

    async def show(asked):
        if asked.path == "/elsewhere":
            raise web.HTTPFound("/")
        return web.json_response({name.lower(): value for name, value in asked.headers.items()})

    context = None
    if request.param == "https":
        pair = authority.server(HOST)
        (tmp_path / "pair.pem").write_bytes(pair.certificate + pair.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "pair.pem")
    application = web.Application()
    application.router.add_get("/{path:.*}", show)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    yield f"{request.param}://{HOST}:{port}"
    await runner.cleanup()


@contextlib.asynccontextmanager
async def speaking_tls(proxy, authority):
    """The port of a proxy that is spoken to in TLS."""

    async def front(reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", proxy.port)

        async def pipe(source, target):
            with contextlib.suppress(OSError):
                while piece := await source.read(65536):
                    target.write(piece)
                    await target.drain()
            target.close()

        await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))

    talks = []
    server = await asyncio.start_server(
        lambda *pair: talks.append(asyncio.ensure_future(front(*pair))),
        "127.0.0.1",
        0,
        ssl=authority.server_context(),
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


@pytest.fixture(params=["http", "https", "socks5"])
async def proxy(request, authority):
    """A proxy that asks for a login, and its address with the login."""
    scheme = request.param
    async with Guide(scheme, login=("eve", "hid@den")) as guide, contextlib.AsyncExitStack() as stack:
        port = guide.port
        if scheme == "https":
            port = await stack.enter_async_context(speaking_tls(guide, authority))
        yield guide, f"{scheme}://eve:hid%40den@127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def session(trust, **environ):
    connector = ProxiedConnector(EnvironmentProxies.read(environ), ssl=trust)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def headers(session, url):
    async with session.get(url) as answer:
        return await answer.json()


async def test_requests_go_through_and_the_login_stays_with_the_proxy(app, proxy, trust):
    guide, address = proxy
    async with session(trust, HTTP_PROXY=address, HTTPS_PROXY=address) as client:
        for path in ("/", "/elsewhere"):
            found = await headers(client, app + path)
            assert "authorization" not in found
            assert "proxy-authorization" not in found
    assert set(guide.asked) == {app.partition("://")[2]}
    assert guide.refused == 0


async def test_a_wrong_login_is_an_error_without_it(app, proxy, trust):
    guide, address = proxy
    wrong = address.replace("hid%40den", "false")
    async with session(trust, HTTP_PROXY=wrong, HTTPS_PROXY=wrong) as client:
        try:
            async with client.get(app) as answer:
                told = str(answer.status)
        except aiohttp.ClientError as error:
            told = str(error)
    assert "false" not in told
    assert guide.refused == 1
    assert guide.asked == []


async def test_what_no_proxy_names_is_reached_without_one(app, proxy, trust):
    guide, address = proxy
    async with session(trust, HTTP_PROXY=address, HTTPS_PROXY=address, NO_PROXY="example.test") as client:
        with pytest.raises(aiohttp.ClientConnectorDNSError):
            await headers(client, app)
    assert guide.asked == []


@pytest.mark.parametrize("app", ["http"], indirect=True)
async def test_this_machine_is_reached_without_one(app, trust):
    address = "http://127.0.0.1:1"
    async with session(trust, HTTP_PROXY=address) as client:
        assert await headers(client, app.replace(HOST, "127.0.0.1"))


@pytest.mark.parametrize("app", ["http"], indirect=True)
async def test_a_proxy_of_a_request_wins(app, trust):
    async with Guide("http") as own, session(trust, HTTP_PROXY="http://127.0.0.1:1") as client:
        async with client.get(app, proxy=own.url) as answer:
            assert answer.status == 200
        assert len(own.asked) == 1


@pytest.mark.parametrize("app", ["http"], indirect=True)
async def test_passwords_of_the_home_directory_are_never_sent(app, trust, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password hidden\ndefault login eve password hidden\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with Guide("http") as guide, session(trust, HTTP_PROXY=guide.url) as client:
        for url in (app, app.replace(HOST, "127.0.0.1")):
            found = await headers(client, url)
            assert "authorization" not in found
            assert "proxy-authorization" not in found
