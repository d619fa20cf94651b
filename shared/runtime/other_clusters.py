"""What a controller that works in other clusters can be told about them, and the building of it."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from shared.auth.remote import Allowed, ClusterIdentities
from shared.runtime.assembly import OBJECT_LEVEL, clouds_of
from shared.runtime.clusters import ClusterPolicy, Clusters
from shared.runtime.process import Frame
from shared.runtime.settings import Boolean, Settings, flag


class ClusterSettings(Settings):
    """Flags about other clusters."""

    default_kubeconfig_service_account: str = flag(
        "", f"account that logs in at clusters for which none is named; needs the gate {OBJECT_LEVEL}"
    )
    insecure_kubeconfig_exec: Boolean = flag(False, "run commands that a kubeconfig names")
    insecure_kubeconfig_tls: Boolean = flag(False, "accept a kubeconfig that turns TLS verification off")

    @model_validator(mode="after")
    def _has_gate(self) -> Self:
        if self.default_kubeconfig_service_account:
            self.need_gate("default_kubeconfig_service_account", OBJECT_LEVEL)
        return self


def other_clusters(settings: ClusterSettings, frame: Frame) -> Clusters:
    """The other clusters of a controller."""
    clouds = clouds_of(frame, settings, settings.default_kubeconfig_service_account)
    policy = ClusterPolicy(
        Allowed(plugins=settings.insecure_kubeconfig_exec, insecure=settings.insecure_kubeconfig_tls),
        user_agent=frame.name,
        qps=settings.kube_api_qps,
        burst=settings.kube_api_burst,
        concurrent=settings.concurrent,
    )
    identities = ClusterIdentities(clouds, frame.clock, object_level=settings.gate(OBJECT_LEVEL))
    return Clusters(frame.client, identities, policy, frame.clock)
