"""What several kinds of sources have in common."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from shared.api.meta import LocalObjectReference
from shared.api.model import Served, WireModel

GROUP: Final = "source.toolkit.fluxcd.io"
CATEGORIES: Final = ("all", "fluxcd", "fluxcd-sources")


class Provider(StrEnum):
    """Who gives the credentials for a registry or a bucket."""

    GENERIC = "generic"
    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"


class OIDCIdentityMatch(WireModel):
    """An identity that a keyless signature may have; both expressions have to match."""

    issuer: str
    """Regular expression for the issuer of the identity."""
    subject: str
    """Regular expression for the identity itself."""


class SignatureVerification(WireModel):
    """Which signature an artifact has to carry, and by whom."""

    provider: Annotated[Literal["cosign", "notation"], Served()] = "cosign"
    """What the signature was made with."""
    secret_ref: LocalObjectReference | None = None
    """Secret with the public keys (`*.pub`) of cosign, or with `trustpolicy.json` and the certificates of
    notation; without one, cosign verifies keyless signatures."""
    match_oidc_identity: Annotated[tuple[OIDCIdentityMatch, ...] | None, Field(alias="matchOIDCIdentity")] = (
        None
    )
    """Identities of keyless signatures that are trusted; one of them has to match."""
