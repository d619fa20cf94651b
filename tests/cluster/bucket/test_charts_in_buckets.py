"""A HelmChart is packaged from what is in a bucket."""

import yaml

from shared.kube.resources import Resource
from shared.testing.source import Sources

CHARTS = Resource("source.toolkit.fluxcd.io", "v1", "helmcharts", "HelmChart")


async def test_a_directory_of_a_bucket_is_a_chart(buckets):
    about = yaml.safe_dump({"apiVersion": "v2", "name": "web", "version": "1.2.3"})
    buckets.put(**{"charts/web/Chart.yaml": about, "charts/web/templates/a.yaml": "kind: A\n"})
    await buckets.create("charts")
    source = {"sourceRef": {"kind": "Bucket", "name": "charts"}, "chart": "charts/web", "interval": "1h"}
    charts = Sources(
        buckets.client, buckets.namespace, CHARTS, buckets.process, label=buckets.label, defaults=source
    )
    await charts.create("web")
    obj = await charts.ready("web")
    assert obj["status"]["artifact"]["revision"] == "1.2.3"
    assert (await charts.files(obj))["web/templates/a.yaml"] == b"kind: A\n"
