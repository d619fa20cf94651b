"""Tokens signed by somebody else (JWS in compact form, JWT) and the keys they are verified with (JWK).

Only what a verifier of identity tokens needs: asymmetric signatures. `none` and HMAC are not refused by a
list of bad names, they just don't exist here; a key is only tried for the algorithms that its type is made
for. Headers that ask for understanding (`crit`) are not understood.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Self

from shared.lang.json import JsonError, JsonObject, loads_object

LONGEST: Final = 64 * 1024
"""Longer tokens are refused unread."""

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_SMALLEST_RSA: Final = 2048
_LARGEST_RSA: Final = 16384
_MOST_KEYS: Final = 100

#: Type and, where it matters, curve of the key that an algorithm needs.
_NEEDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    **{f"{family}{bits}": ("RSA", ()) for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", ("P-256",)),
    "ES384": ("EC", ("P-384",)),
    "ES512": ("EC", ("P-521",)),
    "EdDSA": ("OKP", ("Ed25519", "Ed448")),
}
ALGORITHMS: Final = frozenset(_NEEDS)


class BadToken(ValueError):
    """A token that is none, or that no key has signed; str() quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it came: nothing of it is true before `KeySet.signed` says so."""

    algorithm: str
    key_id: str
    claims: JsonObject = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Takes a token apart.

        Raises:
            BadToken: it is none.
        """
        if len(text) > LONGEST:
            raise BadToken(f"the token has more than {LONGEST} characters")
        parts = text.split(".")
        if len(parts) != 3:
            raise BadToken("the token is not a JWT")
        try:
            header, claims = (loads_object(_decoded(part)) for part in parts[:2])
            signature = _decoded(parts[2])
        except (JsonError, ValueError):
            raise BadToken("the token is not a JWT") from None
        if "crit" in header:
            raise BadToken("the header of the token has extensions that are not understood")
        algorithm, key_id = header.get("alg"), header.get("kid") or ""
        if not isinstance(algorithm, str) or not isinstance(key_id, str):
            raise BadToken("the header of the token is malformed")
        return cls(algorithm, key_id, claims, text.rpartition(".")[0].encode(), signature)


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and what it may be used for."""

    id: str
    type: str
    curve: str
    #: The one algorithm that the key is meant for, if its owner says so.
    algorithm: str
    public: Any = field(repr=False)

    def fits(self, token: Token) -> bool:
        """Whether the key may have signed the token."""
        kind, curves = _NEEDS[token.algorithm]
        return (
            self.type == kind
            and (not curves or self.curve in curves)
            and self.algorithm in ("", token.algorithm)
            and token.key_id in ("", self.id)
        )

    def signed(self, token: Token) -> bool:
        """Whether the signature of the token is of this key."""
        return _verifiers()[self.type](self, token.algorithm, token.signature, token.signed)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of an issuer."""

    keys: tuple[Key, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From a JWK set; what can't be used in it is left out, as the standard wants it.

        Raises:
            BadToken: it is no JWK set at all.
        """
        keys = document.get("keys")
        if not isinstance(keys, list):
            raise BadToken("the keys of the issuer are not a JWK set")
        found = (_key(key) for key in keys[:_MOST_KEYS] if isinstance(key, dict))
        return cls(tuple(key for key in found if key is not None))

    def signed(self, token: Token, algorithms: Iterable[str]) -> bool:
        """Whether one of the keys has signed the token, by one of the algorithms."""
        if token.algorithm not in ALGORITHMS.intersection(algorithms):
            return False
        return any(key.signed(token) for key in self.keys if key.fits(token))


def supported(names: object) -> Sequence[str]:
    """Those of an issuer's algorithms that are known here; RS256 if it names none."""
    found = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return [name for name in found if name in ALGORITHMS] or ["RS256"]


def _decoded(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _key(jwk: JsonObject) -> Key | None:
    """A key that can be used for signatures; None for every other, and for secret ones."""
    texts = {name: jwk.get(name) or "" for name in ("kid", "kty", "crv", "alg", "use")}
    if not all(isinstance(text, str) for text in texts.values()) or "d" in jwk:
        return None
    maker = _makers().get(texts["kty"])
    if maker is None or texts["use"] not in ("", "sig"):
        return None
    try:
        public = maker(jwk)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return Key(texts["kid"], texts["kty"], texts["crv"], texts["alg"], public) if public else None


@cache
def _makers() -> Mapping[str, Callable[[JsonObject], Any]]:
    """How the public key of each type is made of its numbers."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa  # noqa: PLC0415 - only few need it

    curves: dict[str, ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
    }
    edwards: dict[str, Any] = {"Ed25519": ed25519.Ed25519PublicKey, "Ed448": ed448.Ed448PublicKey}

    def rsa_key(jwk: JsonObject) -> Any:
        modulus = _number(jwk["n"])
        if not _SMALLEST_RSA <= modulus.bit_length() <= _LARGEST_RSA:
            return None
        return rsa.RSAPublicNumbers(_number(jwk["e"]), modulus).public_key()

    def ec_key(jwk: JsonObject) -> Any:
        curve = curves[jwk["crv"]]
        return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), curve).public_key()

    def okp_key(jwk: JsonObject) -> Any:
        return edwards[jwk["crv"]].from_public_bytes(_decoded(jwk["x"]))

    return {"RSA": rsa_key, "EC": ec_key, "OKP": okp_key}


@cache
def _verifiers() -> Mapping[str, Callable[[Key, str, bytes, bytes], bool]]:
    """How each type of key verifies."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only few need it
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, padding  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415

    digests = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}

    def holds(verify: Callable[..., None], *arguments: Any) -> bool:
        try:
            verify(*arguments)
        except InvalidSignature:
            return False
        return True

    def rsa_holds(key: Key, algorithm: str, signature: bytes, signed: bytes) -> bool:
        digest = digests[algorithm[2:]]
        pad: Any = padding.PKCS1v15()
        if algorithm.startswith("PS"):
            pad = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return holds(key.public.verify, signature, signed, pad, digest)

    def ec_holds(key: Key, algorithm: str, signature: bytes, signed: bytes) -> bool:
        size = (key.public.curve.key_size + 7) // 8
        if len(signature) != 2 * size:
            return False
        r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        der = encode_dss_signature(r, s)
        return holds(key.public.verify, der, signed, ec.ECDSA(digests[algorithm[2:]]))

    def okp_holds(key: Key, algorithm: str, signature: bytes, signed: bytes) -> bool:
        del algorithm
        return holds(key.public.verify, signature, signed)

    return {"RSA": rsa_holds, "EC": ec_holds, "OKP": okp_holds}


def _number(text: str) -> int:
    data = _decoded(text)
    if not data:
        raise ValueError("an empty number")
    return int.from_bytes(data, "big")
