"""A Receiver as any API server may have stored it, also one that enforces no rules.

What is wrong with it then becomes a condition with the reason that Flux gives, so nothing but types is
checked when it is decoded.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.api.model import Rule
from shared.api.notification_v1 import (
    OIDCProvider,
    OIDCValidation,
    OIDCVariable,
    Receiver,
    ReceiverSpec,
)


class StoredVariable(OIDCVariable):
    """A variable that may lack everything."""

    name: str = ""
    expression: str = ""


class StoredValidation(OIDCValidation):
    """A validation that may lack everything."""

    expression: str = ""
    message: str = ""


class StoredProvider(OIDCProvider):
    """An issuer that may lack everything."""

    issuer_url: Annotated[str, Field(alias="issuerURL")] = ""
    variables: tuple[StoredVariable, ...] | None = None
    validations: tuple[StoredValidation, ...] = ()


class StoredSpec(ReceiverSpec):
    """A spec without rules over several fields."""

    oidc_providers: tuple[StoredProvider, ...] | None = None

    RULES: ClassVar[tuple[Rule, ...]] = ()


class StoredReceiver(Receiver):
    """A Receiver of which only the types of fields are certain."""

    spec: StoredSpec
