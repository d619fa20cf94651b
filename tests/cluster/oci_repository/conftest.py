"""The real source-controller between a real API server and a real registry, and the words of its tests."""

import zlib

import pytest

from localcluster import programs
from shared.kube.resources import Resource
from shared.testing.registry import Gate, run_registry
from shared.testing.source import Sources, connected, run_source

REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "ocirepositories", "OCIRepository")
LABEL = "oci"


class Images(Sources):
    """One namespace in which source-controller works, and one repository in a registry."""

    def __init__(self, client, namespace, store, gate, repository, suite):
        defaults = {"interval": "1h", "url": gate.url(repository)}
        super().__init__(client, namespace, REPOSITORIES, suite.process, label=LABEL, defaults=defaults)
        self.store = store
        self.gate = gate
        self.name = repository
        self.storage = suite.storage

    def push(self, tag="latest", files=None, **image):
        """Puts an image into the repository; its digest."""
        return self.store.push(self.name, tag, files, **image)

    def looks_for_signatures(self):
        """How often somebody asked for one."""
        return sum("/referrers/" in request.path or ".sig" in request.path for request in self.gate.log)


@pytest.fixture(scope="session")
def oci_suite(cluster, tmp_path_factory):
    cosign = f"--cosign-binary={programs.ensure('cosign')}"
    with run_source(cluster, tmp_path_factory.mktemp("oci"), LABEL, cosign) as suite:
        yield suite


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    with run_registry(tmp_path_factory.mktemp("registry")) as store:
        yield store


@pytest.fixture
async def gate(store):
    async with Gate(store) as gate:
        yield gate


@pytest.fixture
async def images(cluster, namespace, oci_suite, store, gate, request):
    repository = f"org/n{zlib.crc32(request.node.nodeid.encode())}"
    async with connected(cluster) as client:
        yield Images(client, namespace, store, gate, repository, oci_suite)
