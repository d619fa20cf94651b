"""Whether a caller knows the token; every comparison takes the same time, however much of it is right."""

from __future__ import annotations

import binascii
import hmac
from typing import Final

from notification_controller.receivers.webhook import Unauthenticated, Webhook

_ALGORITHMS: Final = frozenset({"sha1", "sha256", "sha512"})


def check_hmac(header: str, value: str, token: bytes, body: bytes) -> None:
    """An HMAC of the body as `<algorithm>=<hex>`, the algorithm being the caller's choice.

    Raises:
        Unauthenticated: there is none, or it is not of this body and token.
    """
    algorithm, equals, code = value.partition("=")
    if not equals:
        raise Unauthenticated(f"the header {header} is missing or is not '<algorithm>=<hex>'")
    if algorithm not in _ALGORITHMS:
        known = ", ".join(sorted(_ALGORITHMS))
        raise Unauthenticated(f"the algorithm in the header {header} is none of {known}")
    try:
        given = binascii.unhexlify(code)
    except ValueError:
        raise Unauthenticated(f"the signature in the header {header} is not hexadecimal") from None
    if not hmac.compare_digest(given, hmac.digest(token, body, algorithm)):
        raise Unauthenticated(f"the signature in the header {header} does not match")


def check_plain_hmac(header: str, value: str, token: bytes, body: bytes) -> None:
    """An HMAC-SHA1 of the body in hexadecimal digits alone, as Nexus writes it.

    Raises:
        Unauthenticated: there is none, or it is not of this body and token.
    """
    if not value:
        raise Unauthenticated(f"the header {header} is missing")
    if not hmac.compare_digest(_bytes(value), hmac.digest(token, body, "sha1").hex().encode()):
        raise Unauthenticated(f"the signature in the header {header} does not match")


def check_equal(header: str, value: str, token: bytes) -> None:
    """A header that repeats the token.

    Raises:
        Unauthenticated: it does not.
    """
    if not hmac.compare_digest(_bytes(value), token):
        raise Unauthenticated(f"the header {header} does not match the token")


def bearer(webhook: Webhook) -> str:
    """The token behind `Authorization: Bearer`.

    Raises:
        Unauthenticated: there is none.
    """
    scheme, _, token = webhook.header("Authorization").partition(" ")
    token = token.strip()
    if scheme != "Bearer" or not token:
        raise Unauthenticated(
            "the header Authorization is missing or is not 'Bearer <token>'",
            told="a bearer token is missing",
        )
    return token


def _bytes(header: str) -> bytes:
    """The bytes of a header as they were sent, also where they are no UTF-8."""
    return header.encode(errors="surrogateescape")
