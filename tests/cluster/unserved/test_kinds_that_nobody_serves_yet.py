"""Objects of kinds that this version does nothing for say so, and can be deleted."""

import pytest

from shared.kube.resources import Resource
from shared.testing.source import Sources, connected, run_source

GROUP = "source.toolkit.fluxcd.io"
LABEL = "unserved"
KINDS = {
    "Bucket": ("buckets", {"bucketName": "a", "endpoint": "s3.example.com"}),
}


@pytest.fixture(scope="module")
def suite(cluster, tmp_path_factory):
    with run_source(cluster, tmp_path_factory.mktemp("unserved"), LABEL) as suite:
        yield suite


@pytest.mark.parametrize("kind", KINDS)
async def test_an_object_stalls_and_lets_itself_be_deleted(cluster, namespace, suite, kind):
    plural, spec = KINDS[kind]
    async with connected(cluster) as client:
        resource = Resource(GROUP, "v1", plural, kind)
        sources = Sources(
            client, namespace, resource, suite.process, label=LABEL, defaults={"interval": "1h"} | spec
        )
        await sources.create()
        await sources.stalls("UnsupportedFeature", f"{kind} is not supported by this version")
        await sources.delete()
        await sources.until(lambda obj: obj is None)
