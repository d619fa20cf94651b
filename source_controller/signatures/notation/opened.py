"""What all envelopes have, whatever they are written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

PREFIX: Final = "io.cncf.notary."

_MOST_CERTIFICATES: Final = 10


class EnvelopeRefused(Exception):
    """It isn't an envelope, or isn't whole; says what is wrong."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope that was read; nothing in it is proven yet."""

    chain: tuple[x509.Certificate, ...]
    algorithm: str
    """By its name in JWS."""
    signed: bytes
    """What the signature is of."""
    signature: bytes
    content_type: Any
    critical: Any
    header: Mapping[str, Any]
    """The protected one."""
    payload: bytes


def certificates(chain: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """A chain of certificates in DER.

    Raises:
        EnvelopeRefused: it is none.
    """
    if not 0 < len(chain) <= _MOST_CERTIFICATES:
        raise EnvelopeRefused(f"it has no certificates, or more than {_MOST_CERTIFICATES}")
    try:
        return tuple(x509.load_der_x509_certificate(one) for one in chain)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EnvelopeRefused("one of its certificates can't be read") from None
