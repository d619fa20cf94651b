"""Tokens that say something and are signed by whoever says it (JWT, RS256)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from shared.auth.secrets import SecretError
from shared.lang.json import dumps


def jwt(claims: Mapping[str, Any], key: Any) -> str:
    """What is claimed, signed; takes a moment."""
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - only few need it
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    head = b".".join(_base64(dumps(part)) for part in ({"alg": "RS256", "typ": "JWT"}, dict(claims)))
    return (head + b"." + _base64(key.sign(head, padding.PKCS1v15(), SHA256()))).decode()


def rsa_key(pem: bytes, name: str) -> Any:
    """The private key in a value of a Secret, which has a name; takes a moment.

    Raises:
        SecretError: it is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - only few need it
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        # The cause is cut off on purpose: it might quote the key.
        raise SecretError(f"could not parse private key: '{name}' is no RSA key in PEM form") from None
    return key


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
