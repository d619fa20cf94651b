"""Signatures: whether an image is signed as `spec.verify` demands, before anything of it is pulled.

An image is verified once: again only when its digest, its tag or the spec has changed, or after a failure.
"""

from __future__ import annotations

import asyncio

from shared.api.meta import Artifact
from shared.api.source_v1 import OCIRepository, SignatureVerification
from shared.events import Severity
from shared.runtime.outcome import Failure
from shared.runtime.turn import Turn
from shared.status.conditions import FALSE, TRUE
from source_controller.artifacts import FETCH_FAILED, VERIFIED, CommonReason
from source_controller.signatures import Signatures, Subject, Verdict, VerificationFailed


class Verifier:
    """Demands signatures, and knows from the conditions what was verified before."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures

    @staticmethod
    def forget_failure(turn: Turn[OCIRepository]) -> None:
        """What was refused before is asked about once more."""
        if turn.draft.conditions.status(VERIFIED) == FALSE:
            turn.draft.conditions.remove(VERIFIED)

    async def verify(
        self,
        obj: OCIRepository,
        subject: Subject,
        revision: str,
        current: Artifact | None,
        turn: Turn[OCIRepository],
    ) -> None:
        """Returns when the image may be used; what is known of its signature is in the conditions then.

        Raises:
            Failure: it isn't signed by anybody who is trusted, or that can't be told; it may come later.
        """
        conditions, wanted = turn.draft.conditions, obj.spec.verify
        if wanted is None:
            conditions.remove(VERIFIED)
            return
        text = f"verified signature of revision {revision}"
        if current and current.revision == revision and _holds(turn, obj.generation, text):
            return
        conditions.remove(VERIFIED)
        if await self._verdict(obj, wanted, subject, turn) is Verdict.VERIFIED:
            conditions.set(VERIFIED, TRUE, CommonReason.SUCCEEDED, text)
            turn.event(Severity.TRACE, CommonReason.SUCCEEDED, text)
            turn.log.info(text)

    async def _verdict(
        self,
        obj: OCIRepository,
        wanted: SignatureVerification,
        subject: Subject,
        turn: Turn[OCIRepository],
    ) -> Verdict:
        try:
            async with asyncio.timeout(obj.spec.timeout.total_seconds()):
                return await self._signatures.verify(obj.namespace, wanted, subject)
        except TimeoutError as error:
            raise _refused(wanted, "context deadline exceeded", turn) from error
        except VerificationFailed as error:
            raise _refused(wanted, str(error), turn) from error


def _holds(turn: Turn[OCIRepository], generation: int, text: str) -> bool:
    """Whether this was said before, of the spec as it is."""
    found = turn.draft.conditions.get(VERIFIED)
    return (
        found is not None
        and found.status == TRUE
        and found.message == text
        and found.observed_generation == generation
    )


def _refused(wanted: SignatureVerification, why: str, turn: Turn[OCIRepository]) -> Failure:
    keyless = wanted.provider == "cosign" and wanted.secret_ref is None
    provider = f"{wanted.provider} keyless" if keyless else wanted.provider
    text = f"failed to verify the signature using provider '{provider}': {why}"
    turn.draft.conditions.remove(FETCH_FAILED)
    turn.draft.conditions.set(VERIFIED, FALSE, CommonReason.VERIFICATION_ERROR, text)
    return Failure(CommonReason.VERIFICATION_ERROR, text)
