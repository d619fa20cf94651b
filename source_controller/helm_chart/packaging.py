"""The last steps of every build that makes a package of its own; all of them block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from source_controller.helm_chart.chart import (
    Chart,
    ChartError,
    MetadataError,
    ValuesError,
    check,
    versioned,
    write_package,
)
from source_controller.helm_chart.conditions import BuildError, Fault

_VALUES = "values.yaml"


def target_version(version: str, *build: str) -> str:
    """The version of a package with build metadata of ours, if there is any.

    Raises:
        BuildError: the version is none.
    """
    metadata = ".".join(part for part in build if part)
    if not metadata:
        return version
    try:
        return versioned(version, metadata)
    except MetadataError as error:
        raise BuildError(Fault.METADATA, error) from error


def with_values(
    chart: Chart, merge: Callable[[], tuple[bytes, tuple[str, ...]]]
) -> tuple[Chart, tuple[str, ...]]:
    """A chart with merged values, and which files made a difference.

    Raises:
        BuildError: the values can't be merged, or the chart has no place for them.
    """
    try:
        values, files = merge()
    except ValuesError as error:
        raise BuildError(Fault.VALUES, error) from error
    if _VALUES not in chart.files:
        raise BuildError(Fault.VALUES, f"failed to locate values file: {_VALUES}")
    return (chart, ()) if values == chart.files[_VALUES] else (chart.with_values(values), files)


def package(chart: Chart, version: str, file: Path) -> Path:
    """Writes a chart as a version into a new file.

    Raises:
        BuildError: the chart isn't sound.
    """
    with packaging():
        final = chart.with_version(version)
        check(final.metadata)
        write_package(final, file)
    return file


@contextmanager
def packaging(fault: Fault = Fault.PACKAGE) -> Iterator[None]:
    """A chart that isn't sound makes a step of a build fail."""
    try:
        yield
    except ChartError as error:
        raise BuildError(fault, error) from error
    except OSError as error:
        raise BuildError(fault, error.strerror or "input/output error") from error
