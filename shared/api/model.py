"""What every model of the wire has in common, and the types its fields are made of.

A rule of the API is declared once, on the model: pydantic enforces it when an object is decoded, and
`shared.codegen` writes the same rule into the definition that the API server enforces. Three things need
more than a type to say it in both places:

* `Rule`: a condition over several fields, in CEL for the server and as a function for Python;
* `Served`: the default belongs to the API and is stored with the object; every other default is only what
  an absent field means;
* `Duration`: text in Go's notation on the wire, a `timedelta` inside.

A docstring below a field is its description in the definition and in the reference.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictInt,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.lang.duration import CRD_PATTERN, CRD_TIMEOUT_PATTERN, format_duration, parse_duration


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition over several fields of a model; `holds` and `cel` say the same."""

    cel: str
    message: str
    holds: Callable[[Any], bool]


class WireModel(BaseModel):
    """A part of an object: immutable, `snake_case` here and `camelCase` there, deaf to unknown fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        hide_input_in_errors=True,
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _obey(self) -> Self:
        for rule in self.RULES:
            if not rule.holds(self):
                raise ValueError(rule.message)
        return self


@dataclass(frozen=True, slots=True)
class Served:
    """Put into `Annotated` where the API server shall write the default into the object.

    `text` is the default as the server writes it, where that differs from the canonical form.
    """

    text: str | None = None

    KEY: ClassVar[str] = "x-served-default"

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {self.KEY: self.text or True}


class _DurationText:
    """A `timedelta` that is text in Go's notation on the wire and must look like the pattern there."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._accepts = re.compile(pattern.removesuffix("$") + r"\Z").match

    def _read(self, value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str):
            raise ValueError("should be a duration as text, for example 5m or 1h30m")  # noqa: TRY004 - pydantic's own
        if not self._accepts(value):
            raise ValueError(f"should match the pattern {self._pattern}, for example 5m")
        return parse_duration(value)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(format_duration)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema, handler
        return {"type": "string", "pattern": self._pattern}


Duration = Annotated[timedelta, _DurationText(CRD_PATTERN)]
"""A duration such as `10m` or `1h30m`."""

ShortDuration = Annotated[timedelta, _DurationText(CRD_TIMEOUT_PATTERN)]
"""A duration without hours, as the timeouts of sources are."""

Int64 = Annotated[StrictInt, Field(json_schema_extra={"format": "int64"})]

Time = Annotated[datetime, Field(json_schema_extra={"format": "date-time"})]
