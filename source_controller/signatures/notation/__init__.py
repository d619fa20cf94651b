"""Signatures made with notation: the story is policy -> signatures -> envelope -> trust.

Timestamps of others are not read: without an authority for the time, certificates have to be valid now.
Whether a certificate was revoked is not asked: where one says whom to ask, that check fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from cryptography import x509

from shared.api.source_v1 import SignatureVerification
from shared.auth import Secrets, SecretUnavailable
from shared.oci import Descriptor, Manifest, OciError
from source_controller.signatures.notation.envelope import COSE, JWS, Signed, open_envelope
from source_controller.signatures.notation.opened import EnvelopeRefused
from source_controller.signatures.notation.policy import Action, Check, Policy, PolicyRefused, Statement
from source_controller.signatures.notation.trust import (
    ChainRefused,
    anchored,
    can_be_revoked,
    check_chain,
    is_valid,
    load_anchor,
    subject_of,
)
from source_controller.signatures.subject import Subject, Verdict, VerificationFailed

_TYPE: Final = "application/vnd.cncf.notary.signature"
_POLICY: Final = "trustpolicy.json"
_ANCHORS: Final = (".crt", ".pem")
_MOST_TRIED: Final = 3
_LARGEST: Final = 4 << 20


class Notation:
    """Verifies signatures of notation."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._log = structlog.get_logger("notation")

    async def verify(self, namespace: str, verification: SignatureVerification, subject: Subject) -> Verdict:
        """Whether a signature is there that the policy of a Secret accepts.

        Raises:
            VerificationFailed: there is none, or that can't be told.
        """
        policy, anchors = await self._trust(namespace, verification, subject)
        statement = policy.applicable(str(subject.repository))
        if statement is None:
            raise VerificationFailed(f"no applicable trust policy for '{subject.repository}' in {_POLICY}")
        if statement.skips:
            self._log.info("signatures are not looked at", policy=statement.name, url=subject.reference)
            return Verdict.IGNORED
        reasons: list[str] = []
        try:
            target = await subject.registry.manifest(str(subject.digest))
            found = await subject.registry.referrers(subject.digest, _TYPE)
            for descriptor in found[:_MOST_TRIED]:
                try:
                    return await self._verified(descriptor, target, statement, anchors, subject)
                except VerificationFailed as refusal:
                    reasons.append(str(refusal))
        except OciError as error:
            raise VerificationFailed(
                f"the signatures of '{subject.reference}' can't be had: {error}"
            ) from error
        text = f"no matching signatures were found for '{subject.reference}'"
        raise VerificationFailed(f"{text}: {'; '.join(dict.fromkeys(reasons))}" if reasons else text)

    async def _trust(
        self, namespace: str, verification: SignatureVerification, subject: Subject
    ) -> tuple[Policy, list[x509.Certificate]]:
        if verification.secret_ref is None:
            raise VerificationFailed(f"verification secret cannot be empty: '{subject.reference}'")
        where = f"{namespace}/{verification.secret_ref.name}"
        try:
            _, data = await self._secrets.read(namespace, verification.secret_ref.name)
        except SecretUnavailable as error:
            raise VerificationFailed(str(error)) from error
        if _POLICY not in data:
            raise VerificationFailed(f"'{_POLICY}' not found in secret '{where}'")
        try:
            policy = Policy.parse(data[_POLICY])
        except PolicyRefused as error:
            raise VerificationFailed(f"error occurred while parsing {_POLICY}: {error}") from error
        anchors = []
        for key in sorted(key for key in data if key.endswith(_ANCHORS)):
            try:
                anchors.append(load_anchor(data[key]))
            except ValueError:
                raise VerificationFailed(f"the key '{key}' of secret '{where}' has no certificate") from None
        if not anchors:
            raise VerificationFailed(f"no certificates found in secret '{where}'")
        return policy, anchors

    async def _verified(
        self,
        descriptor: Descriptor,
        target: Manifest,
        statement: Statement,
        anchors: Sequence[x509.Certificate],
        subject: Subject,
    ) -> Verdict:
        """What one signature is worth."""
        envelope, media_type = await _envelope(descriptor, subject)
        try:
            signed = await asyncio.to_thread(open_envelope, envelope, media_type)
            _check_target(signed, target)
        except EnvelopeRefused as error:
            raise VerificationFailed(f"{Check.INTEGRITY}: {error}") from error
        verdict = Verdict.VERIFIED
        for check, why in _failures(signed, statement, anchors):
            match statement.actions[check]:
                case Action.ENFORCE:
                    raise VerificationFailed(f"{check}: {why}")
                case Action.LOG:
                    self._log.warning(
                        f"verification check for type '{check}' failed for '{subject.reference}' "
                        f"with message: '{why}'"
                    )
                    if check is Check.AUTHENTICITY:
                        verdict = Verdict.IGNORED
                case Action.SKIP:
                    pass
        return verdict


async def _envelope(descriptor: Descriptor, subject: Subject) -> tuple[bytes, str]:
    """An envelope, and what it is written in."""
    try:
        return await _read(descriptor, subject)
    except OciError as error:
        raise VerificationFailed(f"a signature can't be had: {error}") from error


async def _read(descriptor: Descriptor, subject: Subject) -> tuple[bytes, str]:
    manifest = await subject.registry.manifest(str(descriptor.digest))
    layers = manifest.layers
    if len(layers) != 1:
        raise VerificationFailed("the signature manifest has to have exactly one envelope")
    if layers[0].media_type not in {JWS, COSE}:
        raise VerificationFailed(f"an envelope of the type '{layers[0].media_type[:80]}' is not known")
    if layers[0].size > _LARGEST:
        raise VerificationFailed(f"the envelope has more than {_LARGEST} bytes")
    return b"".join([piece async for piece in subject.registry.blob(layers[0])]), layers[0].media_type


def _check_target(signed: Signed, manifest: Manifest) -> None:
    """Whether it is this manifest that was signed.

    Raises:
        EnvelopeRefused: it is another one.
    """
    wanted = {"mediaType": manifest.media_type, "digest": str(manifest.digest), "size": manifest.size}
    if {key: signed.target.get(key) for key in wanted} != wanted:
        raise EnvelopeRefused("what was signed is not this image")


def _failures(
    signed: Signed, statement: Statement, anchors: Sequence[x509.Certificate]
) -> list[tuple[Check, str]]:
    """All checks that fail, with the reason."""
    now = datetime.now(UTC)
    found: list[tuple[Check, str]] = []
    why = _distrust(signed, statement, anchors)
    if why:
        found.append((Check.AUTHENTICITY, why))
    if signed.expires_at is not None and signed.expires_at <= now:
        found.append((Check.EXPIRY, f"digital signature has expired on {signed.expires_at.isoformat()}"))
    moment = signed.signed_at if signed.by_authority else now
    if moment is None or not is_valid(signed.chain, moment):
        found.append((Check.TIMESTAMP, "a certificate of the chain is not valid at the time that counts"))
    if can_be_revoked(signed.chain):
        text = "whether a certificate was revoked is not asked by this version"
        found.append((Check.REVOCATION, text))
    return found


def _distrust(signed: Signed, statement: Statement, anchors: Sequence[x509.Certificate]) -> str:
    """Why the signer isn't trusted; nothing if it is."""
    try:
        check_chain(signed.chain)
    except ChainRefused as error:
        return str(error)
    store = "signingAuthority" if signed.by_authority else "ca"
    if store not in statement.stores:
        return f"the policy names no trust store of the type {store}"
    if not anchored(signed.chain, anchors):
        return "signature is not produced by a trusted signer"
    if not statement.trusts(subject_of(signed.chain[0])):
        return "signing certificate does not match the trusted identities of the policy"
    return ""
