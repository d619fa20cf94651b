"""Conditions and reasons of HelmCharts, and what it means when a part of a build fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Final

from shared.status.conditions import READY, RECONCILING, STALLED
from source_controller.artifacts import FETCH_FAILED, IN_STORAGE, OUTDATED, STORAGE_FAILED, VERIFIED

BUILD_FAILED: Final = "BuildFailed"

#: Conditions whose end is worth telling.
FAILURES: Final = (FETCH_FAILED, STORAGE_FAILED, BUILD_FAILED)
OWNED: Final = frozenset({*FAILURES, OUTDATED, IN_STORAGE, VERIFIED, READY, RECONCILING, STALLED})


class Reason(StrEnum):
    """Reasons of conditions and events, beside those of all kinds."""

    PULLED = "ChartPullSucceeded"
    PACKAGED = "ChartPackageSucceeded"
    NEW_CHART = "NewChart"
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    NO_SOURCE_ARTIFACT = "NoSourceArtifact"
    RESOLVED_DEPENDENCIES = "ResolvedDependencies"


@dataclass(frozen=True, slots=True)
class _Meaning:
    reason: str
    summary: str
    condition: str
    stalls: bool = False


class Fault(Enum):
    """Which part of a build failed; `stalls` says that trying again at once can't help."""

    REFERENCE = _Meaning("InvalidChartReference", "invalid chart reference", FETCH_FAILED, stalls=True)
    PULL = _Meaning("ChartPullError", "chart pull error", FETCH_FAILED)
    METADATA = _Meaning("MetadataPatchError", "chart metadata patch error", BUILD_FAILED, stalls=True)
    VALUES = _Meaning("ValuesFilesError", "values files merge error", BUILD_FAILED, stalls=True)
    DEPENDENCY = _Meaning("DependencyBuildError", "dependency build error", BUILD_FAILED)
    PACKAGE = _Meaning("ChartPackageError", "chart package error", BUILD_FAILED)
    VERIFICATION = _Meaning("ChartVerificationError", "chart verification error", BUILD_FAILED)


class BuildError(Exception):
    """A chart can't be built; str() tells what failed and why, and may be shown to anybody."""

    def __init__(self, fault: Fault, cause: object, retry_after: timedelta | None = None) -> None:
        """`retry_after` is how long the server wants to be left alone, if it said so."""
        super().__init__(f"{fault.value.summary}: {cause}")
        self.fault = fault
        self.retry_after = retry_after

    @property
    def reason(self) -> str:
        """For conditions and events."""
        return self.fault.value.reason

    @property
    def condition(self) -> str:
        """The condition that says so."""
        return self.fault.value.condition

    @property
    def stalls(self) -> bool:
        """Whether only a change of something can help."""
        return self.fault.value.stalls
