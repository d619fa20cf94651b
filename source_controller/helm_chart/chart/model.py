"""A Helm chart as values: its metadata, its files, and the charts in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from shared.lang.json import JsonObject

CHART: Final = "Chart.yaml"
VALUES: Final = "values.yaml"


class ChartError(Exception):
    """What is wrong with a chart; may be shown to anybody."""


class MetadataError(ChartError):
    """What is wrong with Chart.yaml, or with the version of a chart."""


class ValuesError(ChartError):
    """What is wrong with a file of values."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a chart may be: sizes in bytes, and a number of files; sub-charts count."""

    package: int = 10 << 20
    file: int = 5 << 20
    decompressed: int = 100 << 20
    files: int = 1 << 16


@dataclass(frozen=True, slots=True)
class Dependency:
    """A chart that another one wants; what isn't said is empty."""

    name: str
    version: str = ""
    repository: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What Chart.yaml says; `raw` is all of it. Of the API version v1, dependencies are from elsewhere."""

    name: str
    version: str
    api_version: str
    type: str
    dependencies: tuple[Dependency, ...]
    raw: JsonObject


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in memory."""

    metadata: Metadata
    files: Mapping[str, bytes]
    """By their paths in the chart, without Chart.yaml and without the charts below `charts/`."""
    charts: tuple[Chart, ...] = ()
    lock: tuple[Dependency, ...] | None = None
    """The exact dependencies, where there is a lock file."""

    def with_version(self, version: str) -> Chart:
        """The same with another version."""
        raw = self.metadata.raw | {"version": version}
        return replace(self, metadata=replace(self.metadata, version=version, raw=raw))

    def with_values(self, values: bytes) -> Chart:
        """The same with other default values, as YAML."""
        return replace(self, files={**self.files, VALUES: values})

    def with_charts(self, charts: Iterable[Chart]) -> Chart:
        """The same with other charts in it."""
        return replace(self, charts=tuple(charts))

    def renamed(self, name: str) -> Chart:
        """The same with another name."""
        raw = self.metadata.raw | {"name": name}
        return replace(self, metadata=replace(self.metadata, name=name, raw=raw))
