"""`kustomize.toolkit.fluxcd.io/v1`: what is built from an artifact and applied."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StrictBool

from shared.api.applied import CommonMetadata, IgnoreRule, Image, Inventory, InventoryEntry, Patch, Selector
from shared.api.meta import (
    CustomHealthCheck,
    CustomResource,
    DependencyReference,
    KubeConfigReference,
    LocalObjectReference,
    NamespacedObjectKindReference,
    ReconciledSpec,
    ReconciledStatus,
    Snapshot,
)
from shared.api.model import Duration, Served, WireModel

__all__ = [
    "GROUP",
    "CommonMetadata",
    "Decryption",
    "DeletionPolicy",
    "IgnoreRule",
    "Image",
    "Inventory",
    "InventoryEntry",
    "Kustomization",
    "KustomizationSpec",
    "KustomizationStatus",
    "Patch",
    "PostBuild",
    "Selector",
    "SourceReference",
    "SubstituteReference",
    "SubstituteStrategy",
]

GROUP: Final = "kustomize.toolkit.fluxcd.io"
_SHORTEST_TIMEOUT: Final = timedelta(seconds=30)

Affix = Annotated[str, Field(min_length=1, max_length=200)]


class DeletionPolicy(StrEnum):
    """What happens to the applied objects when their Kustomization is deleted."""

    MIRROR_PRUNE = "MirrorPrune"
    DELETE = "Delete"
    WAIT_FOR_TERMINATION = "WaitForTermination"
    ORPHAN = "Orphan"


class SubstituteStrategy(StrEnum):
    """When variables are substituted."""

    WITH_VARIABLES = "WithVariables"
    ALWAYS = "Always"


class SourceReference(WireModel):
    """The source to take the artifact from."""

    api_version: str | None = None
    """API version of the source; ignored."""
    kind: Literal["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"]
    """Kind of the source."""
    name: str
    """Name of the source."""
    namespace: str | None = None
    """Namespace of the source, by default that of the Kustomization."""


class SubstituteReference(WireModel):
    """A ConfigMap or Secret whose keys are variables."""

    kind: Literal["Secret", "ConfigMap"]
    """Kind of the object."""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the object, in the namespace of the Kustomization."""
    optional: Annotated[StrictBool, Served()] = False
    """Go on without the object if there is none."""


class PostBuild(WireModel):
    """What is done with the manifests after the build."""

    substitute_strategy: SubstituteStrategy | None = None
    """When variables are substituted, by default `WithVariables`: only if there are any."""
    substitute: dict[str, str] | None = None
    """Variables and their values; they win over those from references."""
    substitute_from: tuple[SubstituteReference, ...] | None = None
    """ConfigMaps and Secrets with more variables; later ones win."""


class Decryption(WireModel):
    """How encrypted files are decrypted before the build."""

    provider: Literal["sops"]
    """What the files are encrypted with."""
    secret_ref: LocalObjectReference | None = None
    """Secret with private keys and credentials."""
    service_account_name: str | None = None
    """ServiceAccount whose workload identity may use keys of a cloud."""


class KustomizationSpec(ReconciledSpec):
    """What is built and how it is applied."""

    interval: Duration
    """How often the cluster is compared with the build."""
    retry_interval: Duration | None = None
    """How soon a failed attempt is repeated, by default after the interval."""
    timeout: Duration | None = None
    """Limit for health checks and for waiting on deletions, by default the interval less 30 seconds; never
    less than 30 seconds."""
    source_ref: SourceReference
    """Source to take the artifact from."""
    path: str | None = None
    """Directory in the artifact to build, by default its root."""
    prune: StrictBool
    """Delete objects that are no longer in the build."""
    deletion_policy: DeletionPolicy | None = None
    """What happens to the applied objects when the Kustomization is deleted, by default `MirrorPrune`:
    they are deleted if `prune` is set."""
    force: Annotated[StrictBool, Served()] = False
    """Replace objects whose change the API server refuses because a field can't be changed."""
    wait: StrictBool = False
    """Wait until every applied object is healthy; the list of health checks is not used then."""
    health_checks: tuple[NamespacedObjectKindReference, ...] | None = None
    """Objects that have to be healthy."""
    health_check_exprs: tuple[CustomHealthCheck, ...] | None = None
    """How the health of own kinds is read from their objects."""
    depends_on: tuple[DependencyReference, ...] | None = None
    """Kustomizations that have to be ready first."""
    target_namespace: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Namespace for all objects of the build."""
    name_prefix: Affix | None = None
    """Text to put before the name of every object."""
    name_suffix: Affix | None = None
    """Text to put after the name of every object."""
    common_metadata: CommonMetadata | None = None
    """Labels and annotations for every object."""
    patches: tuple[Patch, ...] | None = None
    """Changes of objects in the build."""
    images: tuple[Image, ...] | None = None
    """Replacements of images in the build."""
    components: tuple[str, ...] | None = None
    """Kustomize components to add, as paths relative to the built directory."""
    ignore_missing_components: StrictBool = False
    """Go on without components that are not in the artifact."""
    build_metadata: tuple[Literal["originAnnotations", "transformerAnnotations"], ...] | None = None
    """Annotations about the build itself to add to objects."""
    post_build: PostBuild | None = None
    """What is done with the manifests after the build, for example substitution of `${var}`."""
    decryption: Decryption | None = None
    """How encrypted files are decrypted."""
    service_account_name: str | None = None
    """ServiceAccount on whose behalf objects are applied and deleted."""
    kube_config: KubeConfigReference | None = None
    """Another cluster to apply to, by default the one of the Kustomization."""
    ignore: tuple[IgnoreRule, ...] | None = None
    """Fields that others may change without being undone."""


class KustomizationStatus(ReconciledStatus):
    """What was tried and what was applied last."""

    last_applied_revision: str | None = None
    """Revision of the source that was applied last, and found healthy."""
    last_applied_origin_revision: str | None = None
    """Revision of the code that the source was made from, when that was applied."""
    last_attempted_revision: str | None = None
    """Revision of the source that was tried last."""
    inventory: Inventory | None = None
    """Objects that were applied."""
    history: tuple[Snapshot, ...] | None = None
    """The newest distinct results, the newest first."""


class Kustomization(CustomResource):
    """Builds manifests from an artifact, applies them, and keeps the cluster like that."""

    GROUP: ClassVar[str] = GROUP
    VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Kustomization"
    PLURAL: ClassVar[str] = "kustomizations"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("ks",)
    CATEGORIES: ClassVar[tuple[str, ...]] = ("all", "fluxcd", "fluxcd-appliers")

    spec: KustomizationSpec
    """What is built and how it is applied."""
    status: KustomizationStatus = KustomizationStatus(observed_generation=-1)
    """What was applied last."""

    @property
    def retry_interval(self) -> timedelta:
        """How soon a failed attempt is repeated."""
        return self.spec.interval if self.spec.retry_interval is None else self.spec.retry_interval

    @property
    def timeout(self) -> timedelta:
        """Limit for health checks and for waiting on deletions, never less than 30 seconds."""
        wanted = self.spec.timeout
        if wanted is None:
            wanted = self.spec.interval - _SHORTEST_TIMEOUT
        return max(wanted, _SHORTEST_TIMEOUT)

    @property
    def deletion_policy(self) -> DeletionPolicy:
        """The policy, or its default."""
        return self.spec.deletion_policy or DeletionPolicy.MIRROR_PRUNE
