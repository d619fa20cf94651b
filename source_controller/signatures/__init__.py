"""Signatures of what is in registries: who signed it, and whether that is somebody who is trusted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from shared.api.source_v1 import SignatureVerification
from shared.auth import Secrets
from source_controller.signatures.cosign import Cosign
from source_controller.signatures.cosign_program import CosignProgram
from source_controller.signatures.subject import Subject, Verdict, VerificationFailed

__all__ = ["Signatures", "Subject", "Verdict", "VerificationFailed"]


class Signatures:
    """Verifies signatures."""

    def __init__(
        self,
        secrets: Secrets,
        scratch: Path,
        cosign: str = "cosign",
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """`scratch` is a directory for what is only needed for a moment, `cosign` the name of a program."""
        self._secrets = secrets
        self._cosign = Cosign(secrets, CosignProgram(cosign, scratch, environment))

    async def verify(self, namespace: str, verification: SignatureVerification, subject: Subject) -> Verdict:
        """Whether somebody signed it whom the Secrets of a namespace, or identities, name.

        Raises:
            VerificationFailed: nobody did, or that can't be told.
        """
        if verification.provider == "cosign":
            return await self._cosign.verify(namespace, verification, subject)
        from source_controller.signatures.notation import Notation  # noqa: PLC0415 - few have such signatures

        return await Notation(self._secrets).verify(namespace, verification, subject)
