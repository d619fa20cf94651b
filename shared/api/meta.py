"""The pieces that several kinds share: metadata, conditions, artifacts, history, references.

`StaticResource` is what every kind is: a document with facts about itself on the class (group, names,
columns), which the definition and the runtime take from there. Most are a `CustomResource`, with a status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, StrictBool

from shared.api.model import Duration, Int64, Rule, ShortDuration, Time, WireModel
from shared.api.reasons import ConditionType

__all__ = [
    "Artifact",
    "Column",
    "Condition",
    "CustomHealthCheck",
    "CustomResource",
    "DependencyReference",
    "Duration",
    "KubeConfigReference",
    "LocalObjectReference",
    "NamespacedObjectKindReference",
    "ObjectMeta",
    "ReconciledSpec",
    "ReconciledStatus",
    "SecretKeyReference",
    "ShortDuration",
    "Snapshot",
    "StaticResource",
    "Time",
]

_CONDITION_TYPE: Final = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
)
_DIGEST: Final = r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"


class ObjectMeta(WireModel):
    """What the controllers read of an object's metadata."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None


class Condition(WireModel):
    """One aspect of the state of an object."""

    type: Annotated[str, Field(max_length=316, pattern=_CONDITION_TYPE)]
    """Name of the aspect, in CamelCase."""
    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""
    reason: Annotated[
        str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    ]
    """One word for programs: why the condition has this status."""
    message: Annotated[str, Field(max_length=32768)]
    """A sentence for people: why the condition has this status."""
    last_transition_time: Time
    """When the condition last changed."""
    observed_generation: Annotated[Int64, Field(ge=0)] | None = None
    """Generation of the object that the condition speaks about."""


class Artifact(WireModel):
    """A packed result of a source, as the source controller serves it."""

    path: str
    """Place of the file below the root of the storage."""
    url: str
    """Address to fetch the file from, inside the cluster."""
    revision: str
    """What was packed, in a form that people and programs can trace back to the origin."""
    digest: Annotated[str, Field(pattern=_DIGEST)]
    """Checksum of the file, as `<algorithm>:<checksum>`."""
    last_update_time: Time
    """When the file was written."""
    size: Int64 | None = None
    """Number of bytes of the file."""
    metadata: dict[str, str] | None = None
    """What the origin says about the content, for example annotations of an image."""


class Snapshot(WireModel):
    """One distinct result in the history of an object, however many times it came out."""

    digest: str
    """Checksum of what was applied."""
    first_reconciled: Time
    """When this result came out first."""
    last_reconciled: Time
    """When this result came out last."""
    last_reconciled_duration: str
    """How long the last reconciliation with this result took."""
    last_reconciled_status: str
    """Reason of the Ready condition that it ended with."""
    total_reconciliations: Int64
    """How many reconciliations had this result."""
    metadata: dict[str, str] | None = None
    """What belongs to the result, for example the revision of the source."""


class LocalObjectReference(WireModel):
    """An object in the same namespace."""

    name: str
    """Name of the object."""


class SecretKeyReference(WireModel):
    """A Secret in the same namespace, perhaps one key of it."""

    name: str
    """Name of the Secret."""
    key: str | None = None
    """Key in the Secret; what an absent key means depends on the use."""


class NamespacedObjectKindReference(WireModel):
    """Any object of the cluster."""

    api_version: str | None = None
    """API version of the object, by default `apps/v1`."""
    kind: str
    """Kind of the object."""
    name: str
    """Name of the object."""
    namespace: str | None = None
    """Namespace of the object, by default that of the referring object."""


class DependencyReference(WireModel):
    """An object of the same kind that has to be ready first."""

    name: str
    """Name of the object."""
    namespace: str | None = None
    """Namespace of the object, by default that of the referring object."""
    ready_expr: str | None = None
    """CEL expression over `self` and `dep` that says when the dependency is ready."""


class CustomHealthCheck(WireModel):
    """How the health of a kind, or of a whole API group, is read from its objects; all in CEL."""

    api_version: str
    """API version of the objects; only its group matters."""
    kind: str | None = None
    """Kind of the objects; absent means all kinds of the group."""
    current: str
    """Expression that is true when the object has reached what it wants."""
    in_progress: str | None = None
    """Expression that is true while the object is on its way."""
    failed: str | None = None
    """Expression that is true when the object can't reach what it wants."""


class KubeConfigReference(WireModel):
    """The other cluster to work in; exactly one of the two ways to reach it."""

    config_map_ref: LocalObjectReference | None = None
    """ConfigMap that describes the cluster and the workload identity to use there."""
    secret_ref: SecretKeyReference | None = None
    """Secret with a kubeconfig, in the given key, or else in `value` or `value.yaml`."""

    _MESSAGE: ClassVar[str] = (
        "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"
    )
    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.configMapRef) || has(self.secretRef)",
            _MESSAGE,
            lambda self: self.config_map_ref is not None or self.secret_ref is not None,
        ),
        Rule(
            "!has(self.configMapRef) || !has(self.secretRef)",
            _MESSAGE,
            lambda self: self.config_map_ref is None or self.secret_ref is None,
        ),
    )


class ReconciledSpec(WireModel):
    """The part of a spec that every reconciled kind has."""

    suspend: StrictBool = False
    """Leave the object and everything it made as it is, until this is false again."""


class ReconciledStatus(WireModel):
    """The part of a status that every reconciled kind has."""

    observed_generation: Int64 | None = None
    """Last generation of the object that was dealt with to the end."""
    conditions: tuple[Condition, ...] = ()
    """The state of the object, aspect by aspect."""
    last_handled_reconcile_at: str | None = None
    """Value of the reconcile request annotation that was answered last."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that `kubectl get` prints."""

    name: str
    path: str
    type: str = "string"
    #: Columns above 0 are only printed where much is asked for.
    priority: int = 0


AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")
READY: Final = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')
STATUS: Final = Column("Status", '.status.conditions[?(@.type=="Ready")].message')


class StaticResource(WireModel):
    """An object of a kind of this suite; all of them are namespaced. It has no status: it is only read."""

    GROUP: ClassVar[str]
    VERSION: ClassVar[str]
    KIND: ClassVar[str]
    PLURAL: ClassVar[str]
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ()
    CATEGORIES: ClassVar[tuple[str, ...]] = ("all", "fluxcd")
    COLUMNS: ClassVar[tuple[Column, ...]] = (AGE,)

    metadata: ObjectMeta
    spec: ReconciledSpec
    """What is wanted."""

    @classmethod
    def api_version(cls) -> str:
        """Group and version, as an object names them."""
        return f"{cls.GROUP}/{cls.VERSION}"

    @property
    def name(self) -> str:
        """Name of the object."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Namespace of the object."""
        return self.metadata.namespace

    @property
    def generation(self) -> int:
        """Number that grows with every change of the spec."""
        return self.metadata.generation

    @property
    def suspended(self) -> bool:
        """Whether nothing may be done for the object."""
        return self.spec.suspend

    @property
    def deleting(self) -> bool:
        """Whether the object only waits for its finalizers."""
        return self.metadata.deletion_timestamp is not None


class CustomResource(StaticResource):
    """An object with a status of its own, which its controller writes."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (AGE, READY, STATUS)
    #: What the API server gives to a new object, so that nobody takes it for finished.
    STATUS_DEFAULT: ClassVar[Mapping[str, Any]] = {"observedGeneration": -1}

    status: ReconciledStatus = ReconciledStatus(observed_generation=-1)
    """What is."""

    def condition(self, type_: str) -> Condition | None:
        """The condition of this type, or None."""
        return next((known for known in self.status.conditions if known.type == type_), None)

    @property
    def ready(self) -> bool:
        """Whether the object is ready, and neither stalled nor on its way."""
        held = {known.type for known in self.status.conditions if known.status == "True"}
        return ConditionType.READY in held and not held & {ConditionType.RECONCILING, ConditionType.STALLED}
