"""Servers that say when they want to be asked again."""

import pytest

from shared.kube.resources import Resource
from shared.testing.source import Sources, connected, run_source

GROUP = "source.toolkit.fluxcd.io"
LABEL = "busy"
KINDS = {
    "GitRepository": ("gitrepositories", "http://{}/app.git", "GitOperationFailed"),
    "OCIRepository": ("ocirepositories", "oci://{}/org/app", "OCIArtifactPullFailed"),
    "HelmRepository": ("helmrepositories", "http://{}/charts", "Failed"),
}


@pytest.fixture(scope="module")
def suite(cluster, tmp_path_factory):
    with run_source(cluster, tmp_path_factory.mktemp("busy"), LABEL) as suite:
        yield suite


@pytest.mark.parametrize("kind", KINDS)
async def test_is_left_alone_for_so_long(cluster, namespace, suite, busy, kind):
    plural, url, reason = KINDS[kind]
    async with connected(cluster) as client:
        sources = Sources(
            client,
            namespace,
            Resource(GROUP, "v1", plural, kind),
            suite.process,
            label=LABEL,
            defaults={"interval": "1h", "url": url.format(busy)},
        )
        await sources.create()
        await sources.fails(reason, "429")
        told = [line["msg"] for line in suite.process.said() if line.get("namespace") == namespace]
        assert any(text.endswith("next try in 30m0s") for text in told), told
