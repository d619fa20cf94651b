"""What the claims of a verified token have to say: time, audience, and the conditions of the Receiver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from notification_controller.receivers.webhook import Unauthenticated
from shared.api.notification_v1 import OIDCProvider
from shared.lang.cel import CelError, CelEvaluationError, Expression, Gives, compile_exact
from shared.lang.gojson import with_doubles
from shared.lang.json import JsonObject

DEFAULT_AUDIENCE: Final = "notification-controller"
_EARLY: Final = timedelta(minutes=5)
_CLAIMS: Final = "claims"
_VARIABLES: Final = "vars"
_KNOWN: Final = (_CLAIMS, _VARIABLES)


def check_time(claims: JsonObject, now: datetime, *, early: timedelta = _EARLY) -> None:
    """Whether a token is valid now; one may be used a little before its time, for clocks differ.

    Raises:
        Unauthenticated: it is not, or it does not say how long.
    """
    moment = now.timestamp()
    expires, begins = _time(claims, "exp"), _time(claims, "nbf")
    if expires is None:
        raise Unauthenticated("the token has no time of expiry")
    if expires <= moment:
        raise Unauthenticated("the token has expired", told="the token has expired")
    if begins is not None and moment + early.total_seconds() < begins:
        raise Unauthenticated("the token is not valid yet", told="the token is not valid yet")


def check_audience(claims: JsonObject, audience: str) -> None:
    """Whether a token was made for us.

    Raises:
        Unauthenticated: it was made for somebody else.
    """
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if audience not in audiences:
        raise Unauthenticated(
            f"the token is not for the audience {audience!r}", told="the token is for another audience"
        )


class InvalidExpression(ValueError):
    """An expression of a Receiver can't be compiled; str() says which and why."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The compiled variables and validations of one issuer."""

    variables: tuple[tuple[str, Expression], ...]
    validations: tuple[tuple[Expression, str], ...]

    @classmethod
    def compile(cls, provider: OIDCProvider) -> Self:
        """Compiles all expressions.

        Raises:
            InvalidExpression: one of them is wrong.
        """
        variables: list[tuple[str, Expression]] = []
        validations = []
        for variable in provider.variables or ():
            try:
                alone = Expression.compile(variable.expression, _KNOWN)
                after = alone.after(variables, _KNOWN, _VARIABLES)
            except CelError as error:
                raise InvalidExpression(
                    f'invalid expression for variable "{variable.name}": {error}'
                ) from error
            variables.append((variable.name, after))
        for validation in provider.validations:
            try:
                exact = compile_exact(validation.expression, _KNOWN, Gives.BOOLEAN)
                after = exact.after(variables, _KNOWN, _VARIABLES)
            except CelError as error:
                raise InvalidExpression(
                    f'invalid expression for validation "{validation.message}": {error}'
                ) from error
            validations.append((after, validation.message))
        return cls(tuple(variables), tuple(validations))

    def check(self, claims: JsonObject) -> None:
        """All validations, so that a caller learns of all that fail at once.

        Raises:
            Unauthenticated: one of them fails, or can't be evaluated.
        """
        values: JsonObject = {_CLAIMS: with_doubles(claims), _VARIABLES: {}}
        for name, expression in self.variables:
            try:
                expression.evaluate(values)
            except CelEvaluationError as error:
                raise Unauthenticated(
                    f"failed to evaluate variable {name!r}: {error}", told="the claims can't be evaluated"
                ) from error
        failed: Sequence[str]
        try:
            failed = [message for expression, message in self.validations if not expression.holds(values)]
        except CelEvaluationError as error:
            raise Unauthenticated(
                f"failed to evaluate validation: {error}", told="the claims can't be evaluated"
            ) from error
        if failed:
            text = f"token validation failed: {'; '.join(failed)}"
            raise Unauthenticated(text, told=text)


def _time(claims: JsonObject, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Unauthenticated(f"the claim {name} of the token is no number")
    return value
