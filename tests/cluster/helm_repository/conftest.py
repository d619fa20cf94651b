"""The real source-controller between a real API server and a repository of charts on loopback."""

import base64

import pytest
from aiohttp import web

from shared.kube.resources import Resource
from shared.testing.source import Sources, connected, run_source
from shared.testing.tls import Authority

REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "helmrepositories", "HelmRepository")
LABEL = "helm"
LIMIT = 20_000


class Repository:
    """An HTTP server with one index, and what it was asked."""

    def __init__(self):
        self.index = b""
        self.status = 200
        self.login = ""
        self.etag = ""
        self.redirect = ""
        self.requests = []
        self.address = ""

    async def answer(self, request):
        self.requests.append(request)
        if self.login:
            wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
            if request.headers.get("Authorization") != wanted:
                return web.Response(status=401)
        if self.redirect:
            return web.Response(status=302, headers={"Location": self.redirect})
        if self.etag and request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304)
        headers = {"ETag": self.etag} if self.etag else {}
        return web.Response(status=self.status, body=self.index, headers=headers)

    @property
    def asked(self):
        return [str(request.rel_url) for request in self.requests]


async def served(repository, tls=None):
    application = web.Application()
    application.router.add_get("/{path:.*}", repository.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    repository.address = f"{'https' if tls else 'http'}://{host}:{port}"
    return runner


class Repositories(Sources):
    """One namespace in which source-controller works, and a repository of charts."""

    def __init__(self, client, namespace, http, suite):
        defaults = {"interval": "1h", "url": f"{http.address}/charts"}
        super().__init__(client, namespace, REPOSITORIES, suite.process, label=LABEL, defaults=defaults)
        self.http = http
        self.storage = suite.storage


@pytest.fixture(scope="session")
def helm_suite(cluster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("helm")
    with run_source(cluster, folder, LABEL, f"--helm-index-max-size={LIMIT}") as suite:
        yield suite


@pytest.fixture
async def http():
    repository = Repository()
    runner = await served(repository)
    yield repository
    await runner.cleanup()


@pytest.fixture
async def other_host():
    repository = Repository()
    runner = await served(repository)
    yield repository
    await runner.cleanup()


@pytest.fixture
async def repositories(cluster, namespace, helm_suite, http):
    async with connected(cluster) as client:
        yield Repositories(client, namespace, http, helm_suite)


@pytest.fixture
def authority():
    return Authority()


@pytest.fixture
async def trusted_by_few(authority):
    repository = Repository()
    runner = await served(repository, authority.server_context())
    yield repository
    await runner.cleanup()
