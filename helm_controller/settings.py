"""What helm-controller can be told, on top of what every controller can."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Final

from pydantic import Field, field_validator

from shared.lang.digest import Algorithm, DigestError
from shared.runtime.other_clusters import ClusterSettings
from shared.runtime.settings import Boolean, Duration, Repeated, Settings, flag

_SHORTEST: Final = timedelta(milliseconds=50)


class HelmSettings(ClusterSettings):
    """Flags of helm-controller."""

    gates: ClassVar[Mapping[str, bool]] = {
        **Settings.gates,
        "AdditiveCELDependencyCheck": False,
        "AdoptLegacyReleases": False,
        "AllowDNSLookups": False,
        # Flux's default is off: there a new revision waits for the health checks of the old one to time out.
        "CancelHealthCheckOnNewRevision": True,
        "CorrectDrift": False,
        "DefaultToRetryOnFailure": False,
        "DetectDrift": False,
        "DirectSourceFetch": False,
        "DisableChartDigestTracking": False,
        "DisableConfigWatchers": False,
        "ExternalArtifact": False,
        "OOMWatch": False,
        "UseHelm3Defaults": False,
    }

    http_retry: int = flag(9, "tries to fetch an artifact again")
    http_timeout: Duration = flag(timedelta(seconds=30), "how long the server of an artifact may be silent")
    no_cross_namespace_refs: Boolean = flag(False, "refuse sources in other namespaces")
    graceful_shutdown_timeout: Duration = flag(
        timedelta(seconds=600), "how long running actions may go on after a SIGTERM"
    )
    snapshot_digest_algo: Annotated[str, Field(validate_default=True)] = flag(
        Algorithm.SHA256.value, "sha256, sha512 or blake3"
    )
    override_manager: Repeated = flag((), "field manager whose changes are undone; may be repeated")
    oom_watch_memory_threshold: int = flag(95, "share of the memory at which no new work is taken, 1 to 100")
    oom_watch_interval: Duration = flag(timedelta(milliseconds=500), "how often the memory is looked at")
    oom_watch_max_memory_path: str = flag("", "file with the limit of the memory")
    oom_watch_current_memory_path: str = flag("", "file with the memory in use")
    helm_binary: str = flag("helm", "the helm program", env="HEADRACE_HELM")
    kustomize_binary: str = flag("kustomize", "the kustomize program", env="HEADRACE_KUSTOMIZE")
    render_path: str = flag(
        "",
        "folder of this process alone for values and access of renderings; in memory, as they hold secrets",
    )
    source_controller_localhost: str = flag(
        "", "host of all artifact URLs, for port-forwards", env="SOURCE_CONTROLLER_LOCALHOST"
    )

    @field_validator("snapshot_digest_algo")
    @classmethod
    def _known_algorithm(cls, value: str) -> str:
        try:
            return Algorithm.named(value).value
        except DigestError as error:
            raise ValueError(str(error)) from error

    @field_validator("oom_watch_memory_threshold")
    @classmethod
    def _percentage(cls, value: int) -> int:
        if not 1 <= value <= 100:
            raise ValueError("must be between 1 and 100")
        return value

    @field_validator("oom_watch_interval")
    @classmethod
    def _not_too_often(cls, value: timedelta) -> timedelta:
        if value < _SHORTEST:
            raise ValueError("must be at least 50ms")
        return value
