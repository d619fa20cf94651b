"""What source-controller can be told, on top of what every controller can."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import field_validator

from shared.lang.digest import Algorithm
from shared.runtime.assembly import IdentitySettings
from shared.runtime.settings import Duration, flag
from shared.runtime.ssh_settings import SshSettings


class SourceSettings(IdentitySettings, SshSettings):
    """Flags of source-controller."""

    metrics_addr: str = flag(":8080", "address of the metrics server", env="METRICS_ADDR")
    events_addr: str = flag("", "URL of the notification controller's event receiver", env="EVENTS_ADDR")
    concurrent: int = flag(2, "turns per kind that may be active at once")
    storage_path: str = flag("/data", "folder of the artifacts", env="STORAGE_PATH")
    storage_addr: str = flag(":9090", "address of the artifact server", env="STORAGE_ADDRESS")
    storage_adv_addr: str = flag("", "address of the artifact server in URLs", env="STORAGE_ADV_ADDR")
    artifact_retention_ttl: Duration = flag(timedelta(seconds=60), "how long old artifacts are kept")
    artifact_retention_records: int = flag(2, "how many artifacts of an object are kept")
    artifact_digest_algo: str = flag("sha256", "sha256, sha384, sha512, blake3 or sha1")
    submodule_credentials: Literal["origin", "any"] = flag(
        "origin", "hosts of submodules that get the credentials of their parent: origin (its own) or any"
    )
    helm_index_max_size: int = flag(50 << 20, "largest index of a Helm repository, bytes")
    helm_chart_max_size: int = flag(10 << 20, "largest Helm chart, bytes")
    helm_chart_file_max_size: int = flag(5 << 20, "largest file in a Helm chart, bytes")
    helm_cache_max_size: int = flag(0, "number of cached Helm indexes; 0 is off")
    helm_cache_ttl: Duration = flag(timedelta(minutes=15), "how long a Helm index is cached")
    helm_cache_purge_interval: Duration = flag(timedelta(minutes=1), "how often the cache is looked through")
    cosign_binary: str = flag("cosign", "the cosign program", env="HEADRACE_COSIGN")

    @field_validator("artifact_digest_algo")
    @classmethod
    def _known_algorithm(cls, value: str) -> str:
        Algorithm.named(value)
        return value
