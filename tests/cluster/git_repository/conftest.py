"""The real source-controller between a real API server and real Git servers, and the words of its tests."""

import pytest

from shared.kube.resources import Resource
from shared.testing.git_server import GitServer
from shared.testing.git_upstream import Upstream
from shared.testing.source import Sources, connected, run_source

REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository")
LABEL = "git"


class Source(Sources):
    """One namespace in which source-controller works, one Git server, one upstream repository."""

    def __init__(self, client, namespace, server, upstream, suite):
        defaults = {"interval": "1h", "url": server.url(upstream.path), "ref": {"branch": "main"}}
        super().__init__(client, namespace, REPOSITORIES, suite.process, label=LABEL, defaults=defaults)
        self.server = server
        self.upstream = upstream
        self.storage = suite.storage

    async def repository(self, name="app", **spec):
        """Creates a GitRepository of the upstream's branch main, with the given fields of the spec."""
        return await self.create(name, **spec)


@pytest.fixture(scope="session")
def source_suite(cluster, tmp_path_factory):
    """The charts in the cluster, and source-controller at work on all that no test keeps for itself."""
    with run_source(cluster, tmp_path_factory.mktemp("source"), LABEL) as suite:
        yield suite


@pytest.fixture
async def server(tmp_path):
    async with GitServer(tmp_path) as running:
        yield running


@pytest.fixture
def upstream(tmp_path):
    return Upstream(tmp_path)


@pytest.fixture
async def source(cluster, namespace, source_suite, server, upstream):
    async with connected(cluster) as client:
        yield Source(client, namespace, server, upstream, source_suite)
