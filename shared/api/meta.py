"""Pieces that several kinds share."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from shared.api.model import DATE_TIME, INT64, CustomResource, Duration, Metadata, ShortDuration, WireModel

_REASON: Final = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
_DIGEST: Final = r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"

Timestamp = Annotated[str, Field(json_schema_extra=DATE_TIME)]


class LocalReference(WireModel):
    """Name of an object in the same namespace."""

    name: str = Field(description="Name of the object.")


class SecretKeyReference(WireModel):
    """Name of a Secret in the same namespace, and a key in it."""

    name: str = Field(description="Name of the Secret.")
    key: str | None = Field(None, description="Key in the Secret; a default depends on the use.")


class Condition(WireModel):
    """One aspect of the state of an object."""

    type: str = Field(
        max_length=316,
        pattern=(
            r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        ),
        description="What the condition is about, in CamelCase.",
    )
    status: str = Field(
        description="True, False or Unknown.", json_schema_extra={"enum": ["True", "False", "Unknown"]}
    )
    reason: str = Field(min_length=1, max_length=1024, pattern=_REASON, description="Why, for programs.")
    message: str = Field(max_length=32768, description="Why, for people.")
    last_transition_time: Timestamp = Field(description="When the condition last changed.")
    observed_generation: int | None = Field(
        None,
        ge=0,
        description="Generation of the object that the condition speaks of.",
        json_schema_extra=INT64,
    )


class Artifact(WireModel):
    """An archive that a source produced."""

    path: str = Field(description="Path of the file below the root of the artifact server.")
    url: str = Field(description="Where the file is served.")
    revision: str = Field(description="What the artifact was made from, for example main@sha1:<commit>.")
    digest: Annotated[str, StringConstraints(pattern=_DIGEST)] = Field(
        description="Checksum of the file, as <algorithm>:<hex>."
    )
    last_update_time: Timestamp = Field(description="When the file was written.")
    size: int | None = Field(None, description="Bytes of the file.", json_schema_extra=INT64)
    metadata: dict[str, str] | None = Field(None, description="What the upstream said about the artifact.")


class Snapshot(WireModel):
    """One entry of a history: a result, and how often it came out."""

    digest: str = Field(description="Checksum of what was applied.")
    first_reconciled: Timestamp = Field(description="When the result first came out.")
    last_reconciled: Timestamp = Field(description="When the result last came out.")
    last_reconciled_duration: Duration = Field(description="How long the last reconciliation took.")
    last_reconciled_status: str = Field(description="Reason of Ready after the last reconciliation.")
    total_reconciliations: int = Field(description="How often the result came out.", json_schema_extra=INT64)
    metadata: dict[str, str] | None = Field(None, description="Further facts, for example the revision.")


class KubeConfigReference(WireModel):
    """How to reach another cluster."""

    secret_ref: SecretKeyReference | None = Field(None, description="Secret with a kubeconfig.")
    config_map_ref: LocalReference | None = Field(
        None, description="ConfigMap that names a cluster and a provider to log in with."
    )


class DependencyReference(WireModel):
    """An object that has to be ready first."""

    name: str = Field(description="Name of the dependency.")
    namespace: str | None = Field(None, description="Namespace of the dependency; default is the own one.")
    ready_expr: str | None = Field(
        None, description="CEL expression over self and dep that says whether the dependency is ready."
    )


class HealthCheckReference(WireModel):
    """An object whose health counts."""

    api_version: str | None = Field(None, description="API version of the object; default is apps/v1.")
    kind: str = Field(description="Kind of the object.")
    name: str = Field(description="Name of the object.")
    namespace: str | None = Field(None, description="Namespace of the object.")


class CustomHealthCheck(WireModel):
    """How to tell the health of a kind from its fields."""

    api_version: str = Field(description="API version of the kind; only its group counts.")
    kind: str | None = Field(None, description="Kind; without one the check holds for the whole group.")
    current: str = Field(description="CEL expression that is true when the object is healthy.")
    in_progress: str | None = Field(None, description="CEL expression that is true while the object changes.")
    failed: str | None = Field(None, description="CEL expression that is true when the object failed.")


__all__ = [
    "Artifact",
    "Condition",
    "CustomHealthCheck",
    "CustomResource",
    "DependencyReference",
    "Duration",
    "HealthCheckReference",
    "KubeConfigReference",
    "LocalReference",
    "Metadata",
    "SecretKeyReference",
    "ShortDuration",
    "Snapshot",
    "WireModel",
]
