"""A chart of a registry is packaged only if one of the keys of a Secret signed it."""

import pytest

from localcluster import programs
from shared.kube.resources import Resource
from shared.testing.cosign import CosignKey
from shared.testing.registry import CHART_CONFIG, CHART_LAYER, packed, run_registry
from shared.testing.source import Sources, connected, run_source

GROUP = "source.toolkit.fluxcd.io"
LABEL = "signed-charts"
VERIFY = {"provider": "cosign", "secretRef": {"name": "keys"}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with run_registry(tmp_path_factory.mktemp("registry")) as store:
        yield store


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return CosignKey(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def suite(cluster, tmp_path_factory):
    cosign = f"--cosign-binary={programs.ensure('cosign')}"
    with run_source(cluster, tmp_path_factory.mktemp("charts"), LABEL, cosign) as suite:
        yield suite


@pytest.fixture
async def charts(cluster, namespace, suite, store):
    async with connected(cluster) as client:
        repositories = Resource(GROUP, "v1", "helmrepositories", "HelmRepository")
        where = {"interval": "1h", "type": "oci", "url": f"oci://{store.host}/charts", "insecure": True}
        await Sources(client, namespace, repositories, suite.process, label=LABEL, defaults=where).create()
        resource = Resource(GROUP, "v1", "helmcharts", "HelmChart")
        of = {"interval": "1h", "chart": "app", "sourceRef": {"kind": "HelmRepository", "name": "app"}}
        yield Sources(client, namespace, resource, suite.process, label=LABEL, defaults=of)


def push(store, version):
    chart = packed({"app/Chart.yaml": f"apiVersion: v2\nname: app\nversion: {version}\n"})
    return store.push("charts/app", version, layers=[(CHART_LAYER, chart)], config=(CHART_CONFIG, b"{}"))


async def test_a_signed_chart_is_packaged_and_an_unsigned_one_is_not(charts, store, key):
    await charts.secret("keys", **{"a.pub": key.public})
    key.sign(store, "charts/app", push(store, "1.0.0"))
    push(store, "2.0.0")
    await charts.create(version="1.x", verify=VERIFY)
    ready = await charts.ready()
    verified = charts.condition(ready, "SourceVerified")
    assert (verified["status"], verified["message"]) == ("True", "verified signature of version 1.0.0")
    await charts.change(version="2.x")
    text = f"no matching signatures were found for '{store.host}/charts/app:2.0.0'"
    failed = await charts.fails("VerificationError", text)
    assert charts.condition(failed, "SourceVerified")["reason"] == "VerificationError"
    assert charts.condition(failed, "BuildFailed")["reason"] == "ChartVerificationError"
    assert failed["status"]["artifact"] == ready["status"]["artifact"]
