"""What a build comes to: a chart by name and version, and its package, unless that is stored already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.api.meta import Artifact
from shared.api.source_v1 import HelmChart
from source_controller.helm_chart.chart import effective
from source_controller.helm_chart.conditions import Reason


@dataclass(frozen=True, slots=True)
class Build:
    """A chart that is known by name and version; without a file it is what is stored already."""

    name: str
    version: str
    packaged: bool
    values_files: tuple[str, ...] = ()
    file: Path | None = None
    verified: bool = False
    added: int = 0
    """How many sub-charts had to be fetched."""

    @property
    def reason(self) -> str:
        """For conditions and events."""
        return Reason.PACKAGED if self.packaged else Reason.PULLED

    @property
    def summary(self) -> str:
        """What has been done, for people."""
        action = "packaged" if self.packaged else "pulled"
        merged = f" and merged values files [{' '.join(self.values_files)}]" if self.values_files else ""
        return f"{action} '{self.name}' chart with version '{self.version}'{merged}"

    @property
    def filename(self) -> str:
        """How the package is called in the storage."""
        return f"{self.name.rpartition('/')[2]}-{self.version}.tgz"

    def is_stored(self, obj: HelmChart, current: Artifact | None) -> bool:
        """Whether the stored package is this one; an edit of the object always wants a new one."""
        status = obj.status
        return (
            current is not None
            and obj.generation == status.observed_generation
            and (status.observed_chart_name, current.revision) == (self.name, self.version)
        )


def merged_before(obj: HelmChart) -> tuple[str, ...]:
    """The values files in the stored package: those that were found, or all of the spec."""
    names = merged_now(obj)
    return (obj.status.observed_values_files or names) if names else ()


def merged_now(obj: HelmChart) -> tuple[str, ...]:
    """The values files of the spec, if they make a difference."""
    names = obj.spec.values_files or ()
    return names if effective(names) else ()
