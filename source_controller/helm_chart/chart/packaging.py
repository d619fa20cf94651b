"""Packages whose bytes depend on nothing but the chart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shared.artifact.archive import ArchiveWriter
from shared.lang.yaml import dump
from source_controller.helm_chart.chart.model import CHART, Chart

_MODE: Final = 0o644
_COMMENT: Final = b"Helm"


def write_package(chart: Chart, file: Path) -> None:
    """Writes a chart with all the charts in it as a `.tgz`; blocks.

    Raises:
        OSError: it can't be written.
    """
    with file.open("wb") as out:
        archive = ArchiveWriter(out, _COMMENT)
        for path, data in _files(chart, chart.metadata.name):
            archive.file(path, _MODE, len(data), (data,))
        archive.finish()


def _files(chart: Chart, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Chart.yaml first, so that who only wants that need not read on."""
    yield f"{prefix}/{CHART}", dump(chart.metadata.raw).encode()
    for name in sorted(chart.files):
        yield f"{prefix}/{name}", chart.files[name]
    for sub in sorted(chart.charts, key=lambda one: one.metadata.name):
        yield from _files(sub, f"{prefix}/charts/{sub.metadata.name}")
