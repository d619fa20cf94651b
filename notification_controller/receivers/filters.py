"""Which objects a call is about: the `resourceFilter` of a Receiver and the `filter` of each resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from notification_controller.receivers.claims import InvalidExpression
from shared.api.notification_v1 import ReceiverSpec, ReceiverType
from shared.lang.cel import CelError, Expression, Gives, compile_exact
from shared.lang.json import JsonObject

_VARIABLES: Final = ("res", "req")


@dataclass(frozen=True, slots=True)
class Filters:
    """The compiled filters of a Receiver; one may be missing for a resource, or all of them."""

    overall: Expression | None
    each: tuple[Expression | None, ...]

    @classmethod
    def compile(cls, spec: ReceiverSpec) -> Self:
        """Compiles the filters of a spec.

        Raises:
            InvalidExpression: one of them is wrong, or is not boolean whatever it is given.
        """
        known = (*_VARIABLES, "claims") if spec.type == ReceiverType.GENERIC_OIDC else _VARIABLES
        overall = None
        if spec.resource_filter:
            overall = _compiled(spec.resource_filter, known, "invalid resourceFilter expression")
        each = []
        for index, resource in enumerate(spec.resources):
            where = f'resources[{index}] (kind="{resource.kind}", name="{resource.name}")'
            each.append(
                _compiled(resource.filter, known, f"invalid filter expression for {where}")
                if resource.filter
                else None
            )
        return cls(overall, tuple(each))

    def __bool__(self) -> bool:
        return self.overall is not None or any(self.each)

    def of(self, index: int) -> tuple[Expression, ...]:
        """What has to be true of an object of one of the resources."""
        return tuple(expression for expression in (self.overall, self.each[index]) if expression is not None)


def accepts(filters: tuple[Expression, ...], given: Mapping[str, Any], res: JsonObject) -> bool:
    """Whether all filters are true of an object.

    Raises:
        CelEvaluationError: one of them can't be evaluated, as where a field is missing.
    """
    values = {**given, "res": res}
    return all(expression.holds(values) for expression in filters)


def _compiled(text: str, variables: tuple[str, ...], what: str) -> Expression:
    try:
        return compile_exact(text, variables, Gives.BOOLEAN)
    except CelError as error:
        raise InvalidExpression(f"{what}: {error}") from error
