"""What kustomize-controller can be told, on top of what every controller can."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import model_validator

from shared.runtime.assembly import OBJECT_LEVEL
from shared.runtime.other_clusters import ClusterSettings
from shared.runtime.settings import Boolean, Duration, Repeated, Settings, flag


class KustomizeSettings(ClusterSettings):
    """Flags of kustomize-controller."""

    gates: ClassVar[Mapping[str, bool]] = {
        **Settings.gates,
        "AdditiveCELDependencyCheck": False,
        # Flux's default is off: there a new commit waits for the health checks of the old one to time out.
        "CancelHealthCheckOnNewRevision": True,
        "DirectSourceFetch": False,
        "DisableConfigWatchers": False,
        "DisableFailFastBehavior": False,
        "DisableStatusPollerCache": True,
        "ExternalArtifact": False,
        "GroupChangeLog": False,
        "MigrateAPIVersion": False,
        "StrictPostBuildSubstitutions": True,
    }

    concurrent_ssa: int = flag(4, "dry-runs of one Kustomization at a time")
    http_retry: int = flag(9, "tries to fetch an artifact again")
    no_cross_namespace_refs: Boolean = flag(False, "refuse sources in other namespaces")
    no_remote_bases: Boolean = flag(False, "refuse bases that are not in the artifact")
    default_decryption_service_account: str = flag("", "workload identity for decryption; needs its gate")
    sops_age_secret: str = flag("", "Secret in the runtime namespace with age keys")
    sops_vault_configmap: str = flag("", "ConfigMap in the runtime namespace with vault instances")
    full_check_interval: Duration = flag(
        timedelta(hours=1), "how often all objects are compared although nothing seems to have touched them"
    )
    override_manager: Repeated = flag((), "field manager whose changes are undone; may be repeated")
    custom_apply_stage_kinds: str = flag("", "comma-separated group/Kind that are applied before all others")
    kustomize_binary: str = flag("kustomize", "the kustomize program", env="HEADRACE_KUSTOMIZE")
    source_controller_localhost: str = flag(
        "", "host of all artifact URLs, for port-forwards", env="SOURCE_CONTROLLER_LOCALHOST"
    )

    @model_validator(mode="after")
    def _needs_gate(self) -> Self:
        if self.default_decryption_service_account:
            self.need_gate("default_decryption_service_account", OBJECT_LEVEL)
        return self
