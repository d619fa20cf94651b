"""The real source-controller between a real API server, repositories of charts made by helm, and Git."""

import io
import tarfile
import uuid

import pytest
import yaml

from shared.kube.resources import Resource
from shared.testing.chart_server import ChartServer
from shared.testing.git_server import GitServer
from shared.testing.git_upstream import Upstream
from shared.testing.source import Sources, connected, run_source

GROUP = "source.toolkit.fluxcd.io"
CHARTS = Resource(GROUP, "v1", "helmcharts", "HelmChart")
REPOSITORIES = Resource(GROUP, "v1", "helmrepositories", "HelmRepository")
GIT = Resource(GROUP, "v1", "gitrepositories", "GitRepository")
LABEL = "charts"


class Charts(Sources):
    """One namespace in which source-controller works: charts, and the objects that they come from."""

    def __init__(self, client, namespace, http, server, upstream, suite):
        reference = {"kind": "HelmRepository", "name": "charts"}
        defaults = {"interval": "1h", "chart": "app", "sourceRef": reference}
        super().__init__(client, namespace, CHARTS, suite.process, label=LABEL, defaults=defaults)
        self.http = http
        self.upstream = upstream
        self.storage = suite.storage
        self.repositories = Sources(
            client,
            namespace,
            REPOSITORIES,
            suite.process,
            label=LABEL,
            defaults={"interval": "1h", "url": http.url},
        )
        self.git = Sources(
            client,
            namespace,
            GIT,
            suite.process,
            label=LABEL,
            defaults={"interval": "1h", "url": server.url(upstream.path), "ref": {"branch": "main"}},
        )

    async def of_index(self, **spec):
        """A ready chart of a ready repository."""
        await self.repositories.create("charts")
        await self.repositories.ready("charts")
        await self.create(**spec)
        return await self.ready()

    async def of_git(self, chart, **spec):
        """A chart of a ready GitRepository."""
        await self.git.create("repo")
        await self.git.ready("repo")
        await self.create(chart=chart, sourceRef={"kind": "GitRepository", "name": "repo"}, **spec)

    async def revision(self, name="repo"):
        """The hash of the commit that a GitRepository serves."""
        return (await self.git.get(name))["status"]["artifact"]["revision"].rpartition(":")[2]

    async def content(self, obj):
        """The files of a package by their names."""
        _, _, body = await self.fetch(obj)
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            return {member.name: archive.extractfile(member).read() for member in archive}

    async def values(self, obj):
        """The default values in a package."""
        files = await self.content(obj)
        (name,) = [name for name in files if name.count("/") == 1 and name.endswith("/values.yaml")]
        return yaml.safe_load(files[name])


def tree(prefix, name, version="0.1.0", files=None, **metadata):
    """The files of a chart in a repository, by their paths."""
    chart = {"apiVersion": "v2", "name": name, "version": version} | metadata
    own = {
        "Chart.yaml": yaml.safe_dump(chart),
        "values.yaml": "replicas: 1\n",
        "templates/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    }
    return {f"{prefix}/{path}": text for path, text in (own | (files or {})).items()}


@pytest.fixture(scope="session")
def chart_suite(cluster, tmp_path_factory):
    with run_source(cluster, tmp_path_factory.mktemp("charts"), LABEL) as suite:
        yield suite


@pytest.fixture
async def http(tmp_path):
    async with ChartServer(tmp_path / "repository") as server:
        yield server


@pytest.fixture
async def server(tmp_path):
    async with GitServer(tmp_path) as running:
        yield running


@pytest.fixture
def upstream(tmp_path):
    return Upstream(tmp_path)


@pytest.fixture
def make_tree():
    return tree


@pytest.fixture
async def charts(cluster, namespace, chart_suite, http, server, upstream):
    async with connected(cluster) as client:
        yield Charts(client, namespace, http, server, upstream, chart_suite)


@pytest.fixture
async def elsewhere(tmp_path):
    async with ChartServer(tmp_path / "elsewhere") as server:
        yield server


@pytest.fixture
async def other_namespace(cluster, chart_suite):
    """Gives objects like those given, in a namespace of their own."""
    name = f"other-{uuid.uuid4().hex[:8]}"
    async with connected(cluster) as client:
        namespaces = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
        meta = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await client.create(namespaces, meta)
        yield lambda sources: Sources(
            client, name, sources.resource, chart_suite.process, label=LABEL, defaults=sources.defaults
        )
