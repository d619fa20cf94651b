"""Signatures of what is in registries: who signed it, and whether that is somebody who is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.api.source_v1 import SignatureVerification
from shared.lang.digest import Digest
from shared.oci import Access, Registry, Repository
from source_controller.secrets import Secrets


class Verdict(Enum):
    """What a verification came to."""

    VERIFIED = "verified"
    IGNORED = "ignored"
    """Nobody had to sign it, or what is wrong doesn't matter to who asked."""


class VerificationFailed(Exception):
    """Nobody who is trusted signed it, or that can't be told; may be shown to anybody."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What has to be signed."""

    registry: Registry
    repository: Repository
    digest: Digest
    access: Access
    reference: str
    """As people write it."""


class Signatures:
    """Verifies signatures."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def verify(self, namespace: str, verification: SignatureVerification, subject: Subject) -> Verdict:
        """Whether somebody signed it whom the Secrets of a namespace, or identities, name.

        Raises:
            VerificationFailed: nobody did.
        """
        del namespace, subject
        raise VerificationFailed(
            f"signatures of the provider {verification.provider} are not supported by this version"
        )
