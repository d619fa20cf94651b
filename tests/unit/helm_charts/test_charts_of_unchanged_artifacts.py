"""A chart is read once per artifact, as Helm reads it; it is fetched from the source that asks for it."""

from contextlib import asynccontextmanager

import pytest

from helm_controller.helm_release.charts import Charts
from helm_controller.helm_release.sources import ChartSource
from shared.api.meta import Artifact
from shared.lang import yaml

DIGEST = f"sha256:{'0' * 64}"


class Fetcher:
    """Gives one tree, and remembers who was asked for it."""

    def __init__(self, tree):
        self.tree = tree
        self.asked = []

    @asynccontextmanager
    async def fetch(self, url, digest):
        self.asked.append(url)
        yield self.tree


def source(namespace):
    artifact = Artifact(
        path="chart.tar.gz",
        url=f"http://source/{namespace}/chart.tar.gz",
        revision=f"1.0.0@{DIGEST}",
        digest=DIGEST,
        last_update_time="2026-01-01T00:00:00Z",
    )
    return ChartSource("OCIRepository", artifact)


async def test_the_same_chart_of_two_sources_is_fetched_from_each_of_them(tmp_path):
    (tmp_path / "Chart.yaml").write_text("name: demo\nversion: 1.0.0\n")
    fetcher = Fetcher(tmp_path)
    charts = Charts(fetcher, tmp_path, track_digests=False)
    await charts.load(source("first"))
    chart = await charts.load(source("second"))
    assert fetcher.asked == ["http://source/first/chart.tar.gz"]
    async with charts.folder(chart):
        assert fetcher.asked[-1] == "http://source/second/chart.tar.gz"


async def test_a_chart_is_read_as_helm_reads_it(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    written = "name: one\nname: demo\nversion: 1.0.0\ndeprecated: yes\nappVersion: 1.10\n---\nname: other\n"
    (tree / "Chart.yaml").write_text(written)
    charts = Charts(Fetcher(tree), tmp_path, track_digests=True)
    chart = await charts.load(source("first"))
    assert (chart.name, chart.app_version) == ("demo", "1.1")
    async with charts.folder(chart) as folder:
        assert yaml.load((folder / "Chart.yaml").read_text()) == {
            "name": "demo",
            "version": f"1.0.0+{'0' * 12}",
            "deprecated": True,
            "appVersion": 1.1,
        }


@pytest.mark.parametrize(
    ("written", "text"), [("yes", "true"), ("20260101", "20260101"), ("2026-01-01", "2026-01-01"), ("~", "")]
)
async def test_the_version_of_the_application_is_text(written, text, tmp_path):
    (tmp_path / "Chart.yaml").write_text(f"name: demo\nversion: 1.0.0\nappVersion: {written}\n")
    chart = await Charts(Fetcher(tmp_path), tmp_path, track_digests=False).load(source("first"))
    assert chart.app_version == text
