"""kustomize.toolkit.fluxcd.io/v1."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, Literal

from pydantic import Field
from pydantic.config import JsonDict

from shared.api import wire
from shared.api.meta import (
    Condition,
    CustomHealthCheck,
    CustomResource,
    DependencyReference,
    Duration,
    HealthCheckReference,
    KubeConfigReference,
    LocalReference,
    Snapshot,
    WireModel,
)
from shared.api.model import INT64

_MIN_TIMEOUT: Final = timedelta(seconds=30)
_ONE_KUBECONFIG: Final = (
    "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"
)
_KUBECONFIG_RULES: Final[JsonDict] = {
    "x-kubernetes-validations": [
        {"message": _ONE_KUBECONFIG, "rule": "has(self.configMapRef) || has(self.secretRef)"},
        {"message": _ONE_KUBECONFIG, "rule": "!has(self.configMapRef) || !has(self.secretRef)"},
    ]
}


class SourceReference(WireModel):
    """The source of the manifests."""

    api_version: str | None = Field(None, description="API version of the source; not used.")
    kind: Literal["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"] = Field(
        description="Kind of the source."
    )
    name: str = Field(description="Name of the source.")
    namespace: str | None = Field(None, description="Namespace of the source; default is the own one.")


class CommonMetadata(WireModel):
    """Labels and annotations for all objects."""

    labels: dict[str, str] | None = Field(None, description="Labels to set.")
    annotations: dict[str, str] | None = Field(None, description="Annotations to set.")


class Selector(WireModel):
    """Chooses objects; names and kinds are regular expressions."""

    group: str | None = Field(None, description="API group.")
    version: str | None = Field(None, description="API version.")
    kind: str | None = Field(None, description="Kind.")
    name: str | None = Field(None, description="Name.")
    namespace: str | None = Field(None, description="Namespace.")
    label_selector: str | None = Field(None, description="Label selector.")
    annotation_selector: str | None = Field(None, description="Annotation selector.")


class Patch(WireModel):
    """A patch of built objects."""

    patch: str = Field(description="Strategic merge patch or list of JSON patch operations, as YAML.")
    target: Selector | None = Field(None, description="Objects to patch.")


class Image(WireModel):
    """A change of an image reference."""

    name: str = Field(description="Image without tag, as written in the manifests.")
    new_name: str | None = Field(None, description="Image to use instead.")
    new_tag: str | None = Field(None, description="Tag to use instead.")
    digest: str | None = Field(None, description="Digest to use instead of a tag.")


class SubstituteReference(WireModel):
    """Where variables come from."""

    kind: Literal["Secret", "ConfigMap"] = Field(description="Kind of the object.")
    name: str = Field(min_length=1, max_length=253, description="Name of the object.")
    optional: bool | None = Field(False, description="Whether the object may be missing.")


class PostBuild(WireModel):
    """What happens to built manifests before they are applied."""

    substitute_strategy: Literal["WithVariables", "Always"] | None = Field(
        "WithVariables", description="Whether to substitute also when there are no variables."
    )
    substitute: dict[str, str] | None = Field(None, description="Variables.")
    substitute_from: list[SubstituteReference] | None = Field(
        None, description="ConfigMaps and Secrets with variables; later ones win."
    )


class Decryption(WireModel):
    """How to decrypt."""

    provider: Literal["sops"] = Field(description="Program that encrypted.")
    service_account_name: str | None = Field(None, description="Account to log in with at a key service.")
    secret_ref: LocalReference | None = Field(None, description="Secret with private keys.")


class IgnoreRule(WireModel):
    """Fields that are left to others."""

    paths: list[str] = Field(description="JSON pointers of fields.")
    target: Selector | None = Field(None, description="Objects; default is all.")


class KustomizationSpec(WireModel):
    """What to apply, and how."""

    interval: Duration = Field(description="How often to reconcile.")
    retry_interval: Duration | None = Field(
        None, description="When to try again after a failure; default is the interval."
    )
    timeout: Duration | None = Field(
        None, description="Limit of health checks; default is the interval less 30s, never below 30s."
    )
    source_ref: SourceReference = Field(description="Where the manifests come from.")
    path: str | None = Field(None, description="Directory in the artifact; default is its root.")
    prune: bool = Field(description="Whether to delete what is no longer in the source.")
    deletion_policy: Literal["MirrorPrune", "Delete", "WaitForTermination", "Orphan"] | None = Field(
        None, description="What to do with the objects when this object is deleted; default is MirrorPrune."
    )
    suspend: bool | None = Field(None, description="Stops reconciliation.")
    force: bool | None = Field(False, description="Recreates objects whose immutable fields change.")
    wait: bool | None = Field(None, description="Waits until all applied objects are healthy.")
    health_checks: list[HealthCheckReference] | None = Field(None, description="Objects to wait for.")
    health_check_exprs: list[CustomHealthCheck] | None = Field(None, description="Health of further kinds.")
    depends_on: list[DependencyReference] | None = Field(
        None, description="Kustomizations that have to be ready first."
    )
    target_namespace: str | None = Field(
        None, min_length=1, max_length=63, description="Namespace of all objects."
    )
    name_prefix: str | None = Field(None, min_length=1, max_length=200, description="Put before all names.")
    name_suffix: str | None = Field(None, min_length=1, max_length=200, description="Put after all names.")
    common_metadata: CommonMetadata | None = Field(
        None, description="Labels and annotations for all objects."
    )
    patches: list[Patch] | None = Field(None, description="Patches of built objects.")
    images: list[Image] | None = Field(None, description="Changes of image references.")
    components: list[str] | None = Field(None, description="Kustomize components, relative to the path.")
    ignore_missing_components: bool | None = Field(
        None, description="Leaves out components that don't exist."
    )
    build_metadata: list[Literal["originAnnotations", "transformerAnnotations"]] | None = Field(
        None, description="Annotations that tell where objects come from."
    )
    post_build: PostBuild | None = Field(None, description="Substitution of variables.")
    decryption: Decryption | None = Field(None, description="Decryption of Secrets.")
    service_account_name: str | None = Field(
        None, description="Account in the same namespace to apply as; default is the controller's."
    )
    kube_config: KubeConfigReference | None = Field(
        None, description="Cluster to apply to; default is this one.", json_schema_extra=_KUBECONFIG_RULES
    )
    ignore: list[IgnoreRule] | None = Field(None, description="Fields that are left to others.")


class InventoryEntry(WireModel):
    """One applied object."""

    id: str = Field(description="<namespace>_<name>_<group>_<kind>.")
    v: str = Field(description="API version, without the group.")


class Inventory(WireModel):
    """All applied objects."""

    entries: list[InventoryEntry] = Field(description="Objects in the order in which they were applied.")


class KustomizationStatus(WireModel):
    """What was applied."""

    observed_generation: int | None = Field(
        None, description="Generation that was last dealt with.", json_schema_extra=INT64
    )
    conditions: list[Condition] | None = Field(None, description="State of the object.")
    last_applied_revision: str | None = Field(None, description="The last revision applied successfully.")
    last_applied_origin_revision: str | None = Field(
        None, description="Where the applied revision came from."
    )
    last_attempted_revision: str | None = Field(None, description="The last revision tried.")
    last_handled_reconcile_at: str | None = Field(None, description="The last reconcile request dealt with.")
    inventory: Inventory | None = Field(None, description="What was applied.")
    history: list[Snapshot] | None = Field(None, description="The newest results.")


class Kustomization(CustomResource):
    """Applies the manifests of a source, built by kustomize."""

    GROUP: ClassVar[str] = wire.KUSTOMIZE_GROUP
    VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Kustomization"
    PLURAL: ClassVar[str] = "kustomizations"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("ks",)
    CATEGORIES: ClassVar[tuple[str, ...]] = ("all", "fluxcd", "fluxcd-appliers")
    COLUMNS: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("Age", ".metadata.creationTimestamp", "date"),
        ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string"),
        ("Status", '.status.conditions[?(@.type=="Ready")].message', "string"),
    )

    spec: KustomizationSpec = Field(description="What to apply, and how.")
    status: KustomizationStatus | None = Field(None, description="What was applied.")

    @property
    def retry_interval(self) -> timedelta:
        """When to try again after a failure."""
        return self.spec.retry_interval or self.spec.interval

    @property
    def timeout(self) -> timedelta:
        """Limit of health checks; the floor of 30s holds for explicit values, too."""
        return max(self.spec.timeout or self.spec.interval - _MIN_TIMEOUT, _MIN_TIMEOUT)
