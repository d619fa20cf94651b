"""Charts that come from a HelmRepository that is a registry."""

import zlib

import pytest

from shared.testing.chart_server import helm, write_chart
from shared.testing.registry import CHART_CONFIG, CHART_LAYER, Gate, run_registry


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    with run_registry(tmp_path_factory.mktemp("registry")) as store:
        yield store


@pytest.fixture
async def gate(store):
    async with Gate(store) as gate:
        yield gate


@pytest.fixture
async def registry(charts, store, gate, request, tmp_path):
    found = Registry(charts, store, gate, f"org/n{zlib.crc32(request.node.nodeid.encode())}", tmp_path)
    await charts.repositories.create("charts", type="oci", url=gate.url(found.folder), insecure=True)
    return found


class Registry:
    """One folder of a registry, for charts."""

    def __init__(self, charts, store, gate, folder, tmp_path):
        self.charts = charts
        self.store = store
        self.gate = gate
        self.folder = folder
        self.tmp_path = tmp_path

    def push(self, version, tag="", name="app", files=None):
        """Pushes a chart; the bytes of its package."""
        folder = write_chart(self.tmp_path / f"{name}-{version}" / name, name, version, files)
        helm("package", folder, "--destination", self.tmp_path, home=self.tmp_path)
        package = (self.tmp_path / f"{name}-{version}.tgz").read_bytes()
        self.store.push(
            f"{self.folder}/{name}",
            tag or version.replace("+", "_"),
            layers=[(CHART_LAYER, package)],
            config=(CHART_CONFIG, b"{}"),
        )
        return package

    async def create(self, **spec):
        await self.charts.create(**spec)
        return await self.charts.ready()


@pytest.mark.case("source-o39")
async def test_a_full_version_is_asked_for_without_a_list(charts, registry, gate):
    package = registry.push("1.2.3")
    obj = await registry.create(version="1.2.3")
    assert gate.seen("GET", "tags/list") == 0
    assert obj["status"]["artifact"]["revision"] == "1.2.3"
    assert "observedSourceArtifactRevision" not in obj["status"]
    assert charts.condition(obj, "Ready")["message"] == "pulled 'app' chart with version '1.2.3'"
    _, _, body = await charts.fetch(obj)
    assert body == package


@pytest.mark.case("source-o39")
async def test_tags_with_a_v_are_no_versions_of_charts(charts, registry):
    registry.push("1.5.0", tag="v1.5.0")
    registry.push("1.4.0")
    obj = await registry.create(version="1.x")
    assert obj["status"]["artifact"]["revision"] == "1.4.0"


async def test_build_metadata_has_another_sign_in_tags(charts, registry):
    registry.push("1.4.0+build.7")
    obj = await registry.create()
    assert obj["status"]["artifact"]["revision"] == "1.4.0+build.7"
    assert obj["status"]["artifact"]["path"].endswith("/app-1.4.0+build.7.tgz")


async def test_a_version_that_isnt_there_is_retried(charts, registry):
    registry.push("1.4.0")
    await charts.create(version="2.x")
    obj = await charts.fails(
        "ChartPullError", "could not locate a version matching provided version string 2.x"
    )
    assert charts.condition(obj, "Stalled")["status"] != "True"
    registry.push("2.0.0")
    await charts.ready()


async def test_an_unchanged_chart_costs_no_download(charts, registry, gate):
    registry.push("1.4.0")
    await registry.create(version="1.x")
    blobs = gate.seen("GET", "/blobs/")
    await charts.reconcile()
    assert gate.seen("GET", "/blobs/") == blobs


async def test_values_are_merged_into_charts_of_a_registry(charts, registry):
    registry.push("1.4.0", files={"prod.yaml": "replicas: 5\n"})
    obj = await registry.create(valuesFiles=["values.yaml", "prod.yaml"])
    assert obj["status"]["artifact"]["revision"] == "1.4.0+1"
    assert await charts.values(obj) == {"replicas": 5}


async def test_a_chart_may_lie_in_a_folder(charts, registry):
    registry.push("1.4.0", name="nested")
    folder = registry.folder.rpartition("/")[2]
    await charts.repositories.change("charts", url=registry.gate.url("org"))
    obj = await registry.create(chart=f"{folder}/nested")
    assert obj["status"]["observedChartName"] == f"{folder}/nested"
    assert obj["status"]["artifact"]["path"].endswith("/nested-1.4.0.tgz")


async def test_a_registry_that_wants_a_login_gets_it(charts, registry, gate):
    registry.push("1.4.0")
    gate.basic = ("ada", "secret")
    await charts.create()
    await charts.fails("AuthenticationFailed", "failed to authenticate with the Helm repository: ")
    await charts.pull_secret("login", gate.docker_config("ada", "secret"))
    await charts.repositories.change("charts", secretRef={"name": "login"})
    await charts.ready()


async def test_a_pull_secret_for_another_host_is_told(charts, registry, gate):
    registry.push("1.4.0")
    await charts.pull_secret("login", '{"auths": {"registry.example.com": {"auth": "YTpi"}}}')
    await charts.repositories.change("charts", secretRef={"name": "login"})
    await charts.create()
    await charts.fails(
        "AuthenticationFailed",
        f"no auth config for '{gate.host}' in the docker-registry Secret 'login'",
    )


async def test_an_image_that_is_no_chart_is_told(charts, registry, store):
    store.push(f"{registry.folder}/app", "1.0.0", {"a": "b"})
    await charts.create(version="1.0.0")
    await charts.fails("ChartPullError", "it has no layer of the type application/vnd.cncf.helm.chart")
