"""The real image-reflector-controller between a real API server and a real registry."""

import zlib

import pytest

from shared.kube.resources import Resource
from shared.testing.controllers import Suite
from shared.testing.registry import Gate, run_registry
from shared.testing.source import LABEL, Sources, connected

REPOSITORIES = Resource("image.toolkit.fluxcd.io", "v1", "imagerepositories", "ImageRepository")
POLICIES = Resource("image.toolkit.fluxcd.io", "v1", "imagepolicies", "ImagePolicy")
MARK = "reflector"


class Reflector:
    """A process at work on all objects with a label, and the folder of its tags."""

    def __init__(self, cluster, folder, label=f"{LABEL}={MARK}", *flags):
        suite = Suite(cluster, folder)
        suite.install("replicas=0")
        self.storage = folder / "tags"
        self.storage.mkdir()
        self.process = suite.controller(
            "image_controllers.reflector",
            "image-reflector-controller",
            [
                f"--storage-path={self.storage}",
                f"--watch-label-selector={label}",
                "--min-retry-delay=100ms",
                "--max-retry-delay=2s",
                *flags,
            ],
            name="image-reflector-controller",
        )


class Images:
    """Repositories and policies in one namespace, and one repository in a registry."""

    def __init__(self, client, namespace, store, gate, name, process):
        self.store, self.gate, self.name = store, gate, name
        self.client, self.namespace, self.process = client, namespace, process
        self.image = f"{gate.host}/{name}"
        self.repositories = self.kind(REPOSITORIES, {"interval": "1h", "image": self.image})
        self.policies = self.kind(POLICIES, {"imageRepositoryRef": {"name": "app"}})

    def kind(self, resource, defaults, namespace=None):
        return Sources(
            self.client, namespace or self.namespace, resource, self.process, label=MARK, defaults=defaults
        )

    def push(self, *tags):
        for tag in tags:
            self.store.push(self.name, tag, {"tag": tag})

    def listings(self):
        """How often the tags were asked for."""
        return self.gate.seen("GET", "/tags/list")


@pytest.fixture(scope="session")
def reflector(cluster, tmp_path_factory):
    reflector = Reflector(cluster, tmp_path_factory.mktemp("reflector"))
    reflector.process.start()
    yield reflector
    assert reflector.process.stop() == 0, reflector.process.tail()


@pytest.fixture
def another(cluster, tmp_path):
    """Makes one more process, which looks after objects with the label `own`; it is killed at the end."""
    made = []

    def another(own):
        made.append(Reflector(cluster, tmp_path, f"own={own}"))
        return made[-1]

    yield another
    for reflector in made:
        reflector.process.kill()


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    with run_registry(tmp_path_factory.mktemp("registry")) as store:
        yield store


@pytest.fixture
async def gate(store):
    async with Gate(store) as gate:
        yield gate


@pytest.fixture
async def images(cluster, namespace, reflector, store, gate, request):
    name = f"org/n{zlib.crc32(request.node.nodeid.encode())}"
    async with connected(cluster) as client:
        yield Images(client, namespace, store, gate, name, reflector.process)
