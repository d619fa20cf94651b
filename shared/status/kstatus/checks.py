"""Health checks that users write in CEL, per kind or for a whole group.

They replace the built-in rule of their kind. The variables of an expression are the object's top-level
fields. An expression that can't be evaluated, or gives no boolean, says nothing: the result is Unknown with
the error, so a wait goes on until its timeout instead of crashing over a field that is not there yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.lang.json import JsonObject, kind_of
from shared.status.kstatus.result import Result, current, failed, in_progress, unknown
from shared.status.kstatus.rules import group_kind, outdated


class InvalidHealthCheck(Exception):
    """A check that can't be used; the message names its index."""


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One check as the user wrote it; without a kind it is for the whole group."""

    api_version: str
    kind: str = ""
    current: str = ""
    in_progress: str = ""
    failed: str = ""


class Compiled(Protocol):
    """A parsed CEL expression."""

    def evaluate(self, variables: Mapping[str, Any], /) -> Any:
        """The value for these variables; `ValueError` when there is none."""


@dataclass(frozen=True, slots=True)
class Check:
    """A compiled check."""

    current: Compiled
    in_progress: Compiled | None = None
    failed: Compiled | None = None

    def evaluate(self, obj: JsonObject) -> Result:
        """In progress, failed, current, in this order; the first that is true decides."""
        behind = outdated(obj)
        if behind is not None:
            return behind
        steps = (
            ("inProgress", self.in_progress, in_progress("the health check says it is in progress")),
            ("failed", self.failed, failed("the health check says it failed")),
            ("current", self.current, current("the health check says it is healthy")),
        )
        for name, expression, verdict in steps:
            if expression is None:
                continue
            try:
                value = expression.evaluate(obj)
            except ValueError as error:
                return unknown(f"failed to evaluate the expression {name}: {error}")
            if not isinstance(value, bool):
                return unknown(f"the expression {name} gives {kind_of(value)}, a boolean is needed")
            if value:
                return verdict
        return in_progress("no expression of the health check is true yet")


@dataclass(frozen=True, slots=True)
class CustomChecks:
    """Checks by group and kind; a check for a kind beats one for its group."""

    by_kind: Mapping[tuple[str, str], Check] = field(default_factory=dict)

    @classmethod
    def compile(cls, specs: Iterable[CheckSpec]) -> CustomChecks:
        """Parses all expressions.

        Raises:
            InvalidHealthCheck: an expression doesn't parse, `current` is missing, or a kind occurs twice.
        """
        found: dict[tuple[str, str], Check] = {}
        for index, spec in enumerate(specs):
            group, slash, _ = spec.api_version.rpartition("/")
            key = (group if slash else "", spec.kind)
            if key in found:
                name = ".".join((key[1], key[0])) if key[0] else key[1]
                raise InvalidHealthCheck(
                    f"duplicate custom health check for GroupKind {name} at healthchecks[{index}]"
                )
            try:
                found[key] = _compiled(spec)
            except ValueError as error:
                raise InvalidHealthCheck(
                    f"failed to create custom status evaluator for healthchecks[{index}]: {error}"
                ) from error
        return cls(found)

    def find(self, obj: JsonObject) -> Check | None:
        """The check that fits an object best."""
        if not self.by_kind:
            return None
        group, kind = group_kind(obj)
        return self.by_kind.get((group, kind)) or self.by_kind.get((group, ""))


def _compiled(spec: CheckSpec) -> Check:
    if not spec.current:
        raise ValueError("expression Current not specified")
    return Check(
        current=_parsed("Current", spec.current),
        failed=_parsed("Failed", spec.failed) if spec.failed else None,
        in_progress=_parsed("InProgress", spec.in_progress) if spec.in_progress else None,
    )


def _parsed(name: str, text: str) -> Compiled:
    from shared.lang.cel import Expression  # noqa: PLC0415 - CEL is heavy and few objects have checks

    try:
        return Expression.parse(text)
    except ValueError as error:
        raise ValueError(f"failed to parse the expression {name}: {error}") from error
