"""Helm charts: read from packages and directories, changed a little, and packaged again.

Nothing here waits for anything but the disk, so it runs in threads.
"""

from source_controller.helm_chart.chart.loading import load_directory, load_package, read_metadata
from source_controller.helm_chart.chart.metadata import check, versioned
from source_controller.helm_chart.chart.model import (
    Chart,
    ChartError,
    Dependency,
    Limits,
    Metadata,
    MetadataError,
    ValuesError,
)
from source_controller.helm_chart.chart.packaging import write_package
from source_controller.helm_chart.chart.values import effective, merge, values_at, values_of

__all__ = [
    "Chart",
    "ChartError",
    "Dependency",
    "Limits",
    "Metadata",
    "MetadataError",
    "ValuesError",
    "check",
    "effective",
    "load_directory",
    "load_package",
    "merge",
    "read_metadata",
    "values_at",
    "values_of",
    "versioned",
    "write_package",
]
