"""A Receiver that is ready to be called: everything that its spec says, checked and compiled once.

A spec may have been stored by an API server that enforces no rules, so all of them are checked here again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from notification_controller.receivers.claims import DEFAULT_AUDIENCE, Conditions, InvalidExpression
from notification_controller.receivers.filters import Filters
from notification_controller.receivers.paths import webhook_path
from notification_controller.receivers.stored import StoredReceiver
from shared.api.notification_v1 import OIDCProvider, ReceiverSpec
from shared.kube.resources import ObjectKey

_ISSUER: Final = re.compile(r"https?://")


class Invalid(ValueError):
    """A Receiver that only an edit can help; `reason` is that of the condition, str() says what is wrong."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


INVALID_EXPRESSION: Final = "InvalidCELExpression"
VALIDATION_FAILED: Final = "ValidationFailed"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are accepted, and on which conditions."""

    url: str
    audience: str
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a call of a Receiver is checked against and what it asks to reconcile."""

    key: ObjectKey
    spec: ReceiverSpec
    filters: Filters
    issuers: tuple[Issuer, ...]

    @classmethod
    def of(cls, receiver: StoredReceiver) -> Self:
        """Checks and compiles.

        Raises:
            Invalid: something can't be used.
        """
        spec = receiver.spec
        try:
            filters = Filters.compile(spec)
        except InvalidExpression as error:
            raise Invalid(INVALID_EXPRESSION, str(error)) from error
        _check_combination(spec)
        providers = spec.oidc_providers or ()
        _check_providers(providers)
        issuers = []
        for index, provider in enumerate(providers):
            try:
                conditions = Conditions.compile(provider)
            except InvalidExpression as error:
                where = f'oidcProviders[{index}] (issuerURL="{provider.issuer_url}")'
                raise Invalid(INVALID_EXPRESSION, f"{where}: {error}") from error
            issuers.append(Issuer(provider.issuer_url, provider.audience or DEFAULT_AUDIENCE, conditions))
        return cls(ObjectKey(receiver.namespace, receiver.name), spec, filters, tuple(issuers))

    @property
    def secret(self) -> ObjectKey | None:
        """The Secret with the token, or None if the Receiver has none."""
        reference = self.spec.secret_ref
        return ObjectKey(self.key.namespace, reference.name) if reference is not None else None

    def path(self, token: bytes) -> str:
        """Where the Receiver is called if this is its token."""
        return webhook_path(token, self.key.name, self.key.namespace)


def _check_combination(spec: ReceiverSpec) -> None:
    for rule in ReceiverSpec.RULES:
        if not rule.holds(spec):
            raise Invalid(VALIDATION_FAILED, _AS_TOLD.get(rule.message, rule.message))


#: A message of Flux that is not that of the rule in the definition.
_AS_TOLD: Final = {
    "generic-oidc receivers must define at least one oidcProvider": (
        "generic-oidc receiver requires at least one oidcProvider"
    )
}


def _check_providers(providers: Sequence[OIDCProvider]) -> None:
    seen: set[str] = set()
    for index, provider in enumerate(providers):
        for problem in _problems(provider, seen):
            raise Invalid(VALIDATION_FAILED, f"oidcProviders[{index}]{problem}")
        seen.add(provider.issuer_url)


def _problems(provider: OIDCProvider, seen: set[str]) -> Iterator[str]:
    url = provider.issuer_url
    if not url:
        yield ": issuerURL is required"
    if not _ISSUER.match(url):
        yield f': issuerURL "{url}" must start with http:// or https://'
    if url in seen:
        yield f': duplicate issuerURL "{url}"'
    where = f' (issuerURL="{url}"): '
    if not provider.validations:
        yield f"{where}at least one validation is required, or everybody with a token of the issuer may call"
    for number, variable in enumerate(provider.variables or ()):
        if not variable.name:
            yield f"{where}variables[{number}]: name is required"
        if not variable.expression:
            yield f'{where}variables[{number}] (name="{variable.name}"): expression is required'
    for number, validation in enumerate(provider.validations):
        if not validation.expression:
            yield f"{where}validations[{number}]: expression is required"
        if not validation.message:
            yield f"{where}validations[{number}]: message is required"
