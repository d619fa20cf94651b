"""What several kinds of sources have in common."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from shared.api.meta import Artifact, CustomResource, LocalObjectReference, ReconciledStatus
from shared.api.model import Served, WireModel

GROUP: Final = "source.toolkit.fluxcd.io"
CATEGORIES: Final = ("all", "fluxcd", "fluxcd-sources")


class SourceStatus(ReconciledStatus):
    """What a source served last."""

    artifact: Artifact | None = None
    """Last result, ready to be fetched."""


class Source(CustomResource):
    """Content from somewhere, packed into an artifact again and again as it changes."""

    GROUP: ClassVar[str] = GROUP
    VERSION: ClassVar[str] = "v1"
    CATEGORIES: ClassVar[tuple[str, ...]] = CATEGORIES

    status: SourceStatus = SourceStatus(observed_generation=-1)
    """What was served last."""

    @property
    def artifact(self) -> Artifact | None:
        """The last result, or None."""
        return self.status.artifact


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
