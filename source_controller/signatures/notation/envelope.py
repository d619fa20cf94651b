"""Envelopes of signatures, JWS in its flattened JSON form or COSE: read, and proven to be whole.

What comes out was signed by the key of the first certificate. Whether that one is trusted is another
question.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from shared.lang.json import JsonError, JsonObject, loads_object, mapping
from source_controller.signatures.notation.cose import open_cose
from source_controller.signatures.notation.opened import PREFIX, EnvelopeRefused, Opened, certificates

PAYLOAD: Final = "application/vnd.cncf.notary.payload.v1+json"
JWS: Final = "application/jose+json"
COSE: Final = "application/cose"

_SCHEMES: Final = ("notary.x509", "notary.x509.signingAuthority")
_KNOWN: Final = frozenset(f"{PREFIX}{name}" for name in ("signingScheme", "expiry", "authenticSigningTime"))
_HASHES: Final[Mapping[str, type[HashAlgorithm]]] = {"256": SHA256, "384": SHA384, "512": SHA512}
_RSA: Final = {2048: "PS256", 3072: "PS384", 4096: "PS512"}
_EC: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, slots=True)
class Signed:
    """What an envelope says, which is what its signer said."""

    chain: tuple[x509.Certificate, ...]
    """From the signer's to the last one."""
    target: JsonObject
    """The descriptor of what was signed."""
    by_authority: bool
    """Whether an authority vouches for the time."""
    signed_at: datetime | None
    expires_at: datetime | None


def open_envelope(text: bytes, media_type: str = JWS) -> Signed:
    """Reads an envelope; blocks for a moment.

    Raises:
        EnvelopeRefused: it is none, or isn't whole.
    """
    found = open_cose(text) if media_type == COSE else _opened_jws(text)
    _prove(found.chain[0], found.algorithm, found.signed, found.signature)
    # From here on all is as the signer wrote it.
    header = found.header
    if found.content_type != PAYLOAD:
        raise EnvelopeRefused(f"the payload is not of the type {PAYLOAD}")
    scheme = header.get(f"{PREFIX}signingScheme")
    if scheme not in _SCHEMES:
        raise EnvelopeRefused("the signing scheme is not known")
    by_authority = scheme == _SCHEMES[1]
    _check_critical(header, found.critical, by_authority=by_authority)
    target = mapping(_object(found.payload, "the payload").get("targetArtifact"))
    when = "authenticSigningTime" if by_authority else "signingTime"
    return Signed(found.chain, target, by_authority, _time(header, when), _time(header, "expiry"))


def _opened_jws(text: bytes) -> Opened:
    envelope = _object(text, "the envelope")
    protected = _text(envelope, "protected")
    header = _object(_decoded(protected, "protected"), "the protected header")
    payload = _text(envelope, "payload")
    raw = mapping(envelope.get("header")).get("x5c")
    try:
        chain = [base64.b64decode(str(one), validate=True) for one in raw] if isinstance(raw, list) else []
    except (binascii.Error, ValueError):
        raise EnvelopeRefused("one of its certificates can't be read") from None
    return Opened(
        certificates(chain),
        str(header.get("alg")),
        f"{protected}.{payload}".encode(),
        _decoded(_text(envelope, "signature"), "signature"),
        header.get("cty"),
        header.get("crit"),
        header,
        _decoded(payload, "payload"),
    )


def _check_critical(header: Mapping[str, Any], critical: Any, *, by_authority: bool) -> None:
    if not isinstance(critical, list) or not all(isinstance(one, str) for one in critical):
        raise EnvelopeRefused("the protected header has no list of critical headers")
    if f"{PREFIX}verificationPlugin" in header:
        raise EnvelopeRefused("it asks for a verification plugin, and plugins are not supported")
    needed = {f"{PREFIX}signingScheme"}
    if f"{PREFIX}expiry" in header:
        needed.add(f"{PREFIX}expiry")
    if by_authority:
        needed.add(f"{PREFIX}authenticSigningTime")
    if missing := needed - set(critical):
        raise EnvelopeRefused(f"the header {min(missing)} has to be critical")
    if unknown := set(critical) - _KNOWN:
        raise EnvelopeRefused(f"the critical header {min(unknown)[:80]!r} is not known")
    if absent := [name for name in critical if name not in header]:
        raise EnvelopeRefused(f"the critical header {absent[0]} is missing")


def _prove(certificate: x509.Certificate, algorithm: str, data: bytes, signature: bytes) -> None:
    """Whether the key of a certificate made a signature, in the way that fits it."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        raise EnvelopeRefused("the key of the signing certificate is of no kind that can be used") from None
    wanted = _RSA.get(key.key_size) if isinstance(key, rsa.RSAPublicKey) else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        wanted = _EC.get(key.curve.name)
    if wanted is None or algorithm != wanted:
        raise EnvelopeRefused("the algorithm of the signature doesn't fit the key of its certificate")
    hashed = _HASHES[wanted[2:]]()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PSS(padding.MGF1(hashed), hashed.digest_size), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_as_der(signature, (key.curve.key_size + 7) // 8), data, ec.ECDSA(hashed))
    except InvalidSignature:
        raise EnvelopeRefused("the signature is not that of its certificate") from None


def _as_der(signature: bytes, size: int) -> bytes:
    if len(signature) != 2 * size:
        raise EnvelopeRefused("the signature has another length than its algorithm makes")
    return encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))


def _time(header: Mapping[str, Any], name: str) -> datetime | None:
    value = header.get(f"{PREFIX}{name}")
    if value is None:
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise EnvelopeRefused(f"the header {PREFIX}{name} is no time")
    return found


def _object(text: bytes, what: str) -> JsonObject:
    try:
        return loads_object(text)
    except JsonError:
        raise EnvelopeRefused(f"{what} is no JSON object") from None


def _text(envelope: JsonObject, key: str) -> str:
    found = envelope.get(key)
    if not isinstance(found, str) or not found.isascii():
        raise EnvelopeRefused(f"the envelope has no text as '{key}'")
    return found


def _decoded(text: str, what: str) -> bytes:
    found = None
    if not set(text) & set("+/="):
        with suppress(binascii.Error, ValueError):
            found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if found is None:
        raise EnvelopeRefused(f"'{what}' of the envelope is not base64")
    return found
