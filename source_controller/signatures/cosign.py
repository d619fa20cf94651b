"""Signatures made with cosign: by keys that a Secret has, or keyless, by somebody with an identity.

The checks are the cosign program's; here is what it is asked. One key or identity is asked about at a time,
and one that fits is enough, in whatever order they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import structlog

from shared.api.source_v1 import OCISignatureVerification, OIDCIdentityMatch, SignatureVerification
from shared.auth import Secrets, SecretUnavailable
from shared.lang import json
from source_controller.signatures.cosign_program import CosignProgram, CosignRefused, Question
from source_controller.signatures.subject import Subject, Verdict, VerificationFailed

_KEYS: Final = ".pub"
_TRUSTED_ROOT: Final = "trusted_root.json"
_ANYBODY: Final = ".*"
#: Keys prove themselves: no log has to have seen the signature.
_WITHOUT_LOG: Final = "--insecure-ignore-tlog=true"
#: How the program begins when it has no roots of trust, and how that is put here.
_NO_ROOTS: Final = {
    "setting trusted material: loading trusted root: ": "unable to parse trusted root",
    "setting trusted material: ": "unable to initialize trusted root",
    "setting up clients and keys: ": "unable to initialize trusted root",
}


class Cosign:
    """Verifies signatures of cosign."""

    def __init__(self, secrets: Secrets, program: CosignProgram) -> None:
        self._secrets = secrets
        self._program = program
        self._log = structlog.get_logger("cosign")

    async def verify(self, namespace: str, verification: SignatureVerification, subject: Subject) -> Verdict:
        """Whether one of the keys or identities signed it.

        Raises:
            VerificationFailed: none did, or that can't be told.
        """
        trusted = await self._trusted_root(namespace, verification)
        questions: Iterable[Question]
        if verification.secret_ref is not None:
            questions = await self._keys(namespace, verification.secret_ref.name, subject)
        else:
            questions = self._identities(verification, trusted, subject)
        reasons = []
        for question in questions:
            try:
                await self._program.ask(question, subject)
            except CosignRefused as refusal:
                _check_roots(str(refusal))
                reasons.append(f"{question.about}: {refusal}" if question.about else str(refusal))
            else:
                return Verdict.VERIFIED
        raise _unsigned(subject, "; ".join(dict.fromkeys(reasons)))

    async def _keys(self, namespace: str, name: str, subject: Subject) -> list[Question]:
        """One question for each public key in a Secret."""
        try:
            _, data = await self._secrets.read(namespace, name)
        except SecretUnavailable as error:
            raise VerificationFailed(str(error)) from error
        keys = {key: value for key, value in sorted(data.items()) if key.endswith(_KEYS)}
        if not keys:
            raise _unsigned(subject, f"no public keys found in secret '{namespace}/{name}'")
        return [
            Question(("--key=key.pub", _WITHOUT_LOG), {"key.pub": value}, f"key '{key}'")
            for key, value in keys.items()
        ]

    def _identities(
        self, verification: SignatureVerification, trusted: bytes | None, subject: Subject
    ) -> Iterator[Question]:
        """One question for each identity."""
        options, files = _trust(trusted)
        identities = verification.match_oidc_identity or ()
        for number, identity in enumerate(identities):
            about = f"identity {number + 1}" if len(identities) > 1 else ""
            yield Question((*options, *_named(identity)), files, about)
        if not identities:
            self._log.warning(
                "anybody may have signed this, because spec.verify.matchOIDCIdentity names nobody",
                image=subject.reference,
            )
            anybody = _named(OIDCIdentityMatch(issuer="", subject=""))
            # Bundles always need an identity.
            about = "spec.verify.matchOIDCIdentity names nobody, so bundles are not looked at"
            yield Question((*options, *anybody, "--new-bundle-format=false"), files, about)

    async def _trusted_root(self, namespace: str, verification: SignatureVerification) -> bytes | None:
        """The root of a Sigstore of one's own; None for the public one. Keys need none, only its Secret."""
        if not isinstance(verification, OCISignatureVerification):
            return None
        if verification.trusted_root_secret_ref is None:
            return None
        name = verification.trusted_root_secret_ref.name
        try:
            _, data = await self._secrets.read(namespace, name)
        except SecretUnavailable as error:
            raise VerificationFailed(f"failed to read trusted root: {error}") from error
        if verification.secret_ref is not None:
            return None
        if _TRUSTED_ROOT not in data:
            secret = f"secret '{namespace}/{name}'"
            text = f"failed to read trusted root from {secret}: '{_TRUSTED_ROOT}' not found in {secret}"
            raise VerificationFailed(text)
        return data[_TRUSTED_ROOT]


def _trust(root: bytes | None) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """Options and files for whom to trust."""
    if root is None:
        return (), {}
    options = (f"--trusted-root={_TRUSTED_ROOT}", f"--rekor-url={rekor_url(root)}")
    return options, {_TRUSTED_ROOT: root}


def rekor_url(root: bytes) -> str:
    """The address of the first log that has one, in a `trusted_root.json`.

    Raises:
        VerificationFailed: it can't be read, or no log has one.
    """
    try:
        found = json.loads(root)
    except ValueError as error:
        raise VerificationFailed(f"unable to parse trusted root: {error}") from error
    if not isinstance(found, dict):
        raise VerificationFailed("unable to parse trusted root: it is not a JSON object")
    logs = found.get("tlogs")
    problem = "unable to extract Rekor URL from trusted root: no transparency log "
    if not isinstance(logs, list) or not logs:
        raise VerificationFailed(f"{problem}entries found in trusted root")
    urls = (log.get("baseUrl") for log in logs if isinstance(log, dict))
    for url in urls:
        if isinstance(url, str) and url:
            return url
    raise VerificationFailed(f"{problem}entry with a BaseURL found in trusted root")


def _check_roots(said: str) -> None:
    """No other key or identity helps where it isn't known whom to trust at all.

    Raises:
        VerificationFailed: that is so.
    """
    for sign, text in _NO_ROOTS.items():
        if said.startswith(sign):
            raise VerificationFailed(f"{text}: {said.removeprefix(sign)}")


def _named(identity: OIDCIdentityMatch) -> tuple[str, str]:
    """The options for an identity; an empty expression fits everybody."""
    return (
        f"--certificate-identity-regexp={identity.subject or _ANYBODY}",
        f"--certificate-oidc-issuer-regexp={identity.issuer or _ANYBODY}",
    )


def _unsigned(subject: Subject, why: str) -> VerificationFailed:
    text = f"no matching signatures were found for '{subject.reference}'"
    return VerificationFailed(f"{text}: {why}" if why else text)
