"""Definitions of a chart that this process has not rendered are read from the chart."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from helm_controller.helm_release.charts import InvalidChart
from helm_controller.helm_release.rendering import Renderer
from helm_controller.operations.means import OperationFailed

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com, labels: {a: b}}
spec: {}
"""


class Charts:
    """One chart in a folder, or none."""

    def __init__(self, path):
        self.path = path
        self.opened = 0

    @asynccontextmanager
    async def folder(self, chart):
        del chart
        self.opened += 1
        if self.path is None:
            raise InvalidChart("the artifact is no chart")
        yield self.path


@pytest.fixture
def attempt():
    source = SimpleNamespace(artifact=SimpleNamespace(digest="sha256:1"))
    return SimpleNamespace(
        the_chart=SimpleNamespace(source=source), digest="sha256:2", values=SimpleNamespace(values={})
    )


def renderer(charts):
    return Renderer(charts, None, None, strategy="combined", dns=False)


async def test_they_are_read_once(tmp_path, attempt):
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds/a.yaml").write_text(DEFINITION)
    charts = Charts(tmp_path)
    subject = renderer(charts)
    for _ in range(2):
        (found,) = await subject.definitions_of(attempt)
        assert found["metadata"] == {"name": "things.example.com"}
    assert charts.opened == 1


async def test_a_chart_without_any_is_read_once_too(tmp_path, attempt):
    charts = Charts(tmp_path)
    subject = renderer(charts)
    assert await subject.definitions_of(attempt) == await subject.definitions_of(attempt) == []
    assert charts.opened == 1


async def test_a_chart_that_is_gone_is_told(attempt):
    with pytest.raises(OperationFailed, match="could not load chart: the artifact is no chart"):
        await renderer(Charts(None)).definitions_of(attempt)
