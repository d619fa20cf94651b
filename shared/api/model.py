"""What all wire models have in common.

A model states each rule of the wire once: types, defaults, bounds and patterns are pydantic's, rules that
only the API server can check (CEL) stand in `json_schema_extra`. CRDs are generated from the same models.
Unknown fields are ignored when read; models are never written back, so nothing a newer client wrote can
get lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from shared.lang.duration import format_duration, parse_duration

DURATION_PATTERN: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
#: Flux's pattern for git time limits knows no hours.
SHORT_DURATION_PATTERN: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"

INT64: Final[JsonDict] = {"format": "int64"}
DATE_TIME: Final[JsonDict] = {"format": "date-time"}


def _to_duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(_to_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
ShortDuration = Annotated[
    timedelta,
    BeforeValidator(_to_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SHORT_DURATION_PATTERN}),
]


class WireModel(BaseModel):
    """camelCase on the wire, snake_case in Python."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Metadata(WireModel):
    """The part of `metadata` that reconcilers read."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: list[str] = Field(default_factory=list)
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


class CustomResource(WireModel):
    """A kind of ours; class facts drive clients, CRDs and charts."""

    GROUP: ClassVar[str]
    VERSION: ClassVar[str]
    KIND: ClassVar[str]
    PLURAL: ClassVar[str]
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ()
    CATEGORIES: ClassVar[tuple[str, ...]] = ()
    #: name, JSON path, type
    COLUMNS: ClassVar[tuple[tuple[str, str, str], ...]] = ()

    api_version: str
    kind: str
    metadata: Metadata

    @property
    def name(self) -> str:
        """Name of the object."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Namespace of the object."""
        return self.metadata.namespace

    @property
    def suspended(self) -> bool:
        """Whether `spec.suspend` is set."""
        return bool(getattr(getattr(self, "spec", None), "suspend", False))
