"""ExternalArtifact: content that somebody else packs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from shared.api.meta import AGE, READY, STATUS, Artifact, Column, Condition, CustomResource
from shared.api.model import WireModel
from shared.api.source_v1.common import CATEGORIES, GROUP


class ExternalSourceReference(WireModel):
    """The object that an artifact was made from."""

    api_version: str | None = None
    """API version of the object."""
    kind: str
    """Kind of the object."""
    name: str
    """Name of the object."""
    namespace: str | None = None
    """Namespace of the object, by default that of the artifact."""


class ExternalArtifactSpec(WireModel):
    """Where the artifact comes from; information only."""

    source_ref: ExternalSourceReference | None = None
    """The object that the artifact was made from."""


class ExternalArtifactStatus(WireModel):
    """The artifact; whoever made it writes this."""

    artifact: Artifact | None = None
    """Content, ready to be fetched."""
    conditions: tuple[Condition, ...] = ()
    """The state of the artifact, aspect by aspect."""


class ExternalArtifact(CustomResource):
    """An artifact that somebody outside the suite packs and serves; appliers use it like any other."""

    GROUP: ClassVar[str] = GROUP
    VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "ExternalArtifact"
    PLURAL: ClassVar[str] = "externalartifacts"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("ea",)
    CATEGORIES: ClassVar[tuple[str, ...]] = CATEGORIES
    COLUMNS: ClassVar[tuple[Column, ...]] = (AGE, READY, STATUS, Column("Source", ".spec.sourceRef.name"))
    STATUS_DEFAULT: ClassVar[Mapping[str, Any]] = {}

    spec: ExternalArtifactSpec = ExternalArtifactSpec()  # type: ignore[assignment]  # nobody reconciles it
    """Where the artifact comes from."""
    status: ExternalArtifactStatus = ExternalArtifactStatus()  # type: ignore[assignment]  # see spec
    """The artifact."""

    @property
    def suspended(self) -> bool:
        """Never: there is nothing to suspend."""
        return False
