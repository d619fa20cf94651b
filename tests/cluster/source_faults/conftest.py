"""source-controllers in trouble, each with a process of its own, and a registry to fetch from."""

import zlib

import pytest
from aiohttp import web

from shared.kube.resources import Resource
from shared.testing.registry import Gate, run_registry
from shared.testing.source import Sources

GROUP = "source.toolkit.fluxcd.io"
IMAGES = Resource(GROUP, "v1", "ocirepositories", "OCIRepository")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with run_registry(tmp_path_factory.mktemp("registry")) as store:
        yield store


@pytest.fixture
async def gate(store):
    async with Gate(store) as gate:
        yield gate


@pytest.fixture
def folder(request):
    """A folder of the registry for this test alone."""
    return f"org/n{zlib.crc32(request.node.nodeid.encode())}"


@pytest.fixture
def images_of(namespace, gate):
    """Objects that a process works on."""

    def make(client, suite, label):
        defaults = {"interval": "1h", "url": gate.url("none")}
        return Sources(client, namespace, IMAGES, suite.process, label=label, defaults=defaults)

    return make


@pytest.fixture
async def busy():
    """The address of an HTTP server that has no time before half an hour is over."""

    async def answer(request):
        del request
        return web.Response(status=429, headers={"Retry-After": "1800"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"{host}:{port}"
    await runner.cleanup()
