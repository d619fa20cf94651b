"""Envelopes in COSE: one signature, of CBOR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import cbor2

from source_controller.signatures.notation.opened import EnvelopeRefused, Opened, certificates

_SIGN1: Final = 18
_ALGORITHM, _CRITICAL, _CONTENT_TYPE, _CHAIN = 1, 2, 3, 33
_ALGORITHMS: Final[Mapping[int, str]] = {
    -37: "PS256",
    -38: "PS384",
    -39: "PS512",
    -7: "ES256",
    -35: "ES384",
    -36: "ES512",
}


def open_cose(data: bytes) -> Opened:
    """Reads an envelope.

    Raises:
        EnvelopeRefused: it is none.
    """
    message = _read(data)
    if not isinstance(message, cbor2.CBORTag) or message.tag != _SIGN1:
        raise EnvelopeRefused("the envelope is no COSE message with one signature")
    parts = message.value
    if not isinstance(parts, list | tuple) or len(parts) != 4:
        raise EnvelopeRefused("the envelope is no COSE message with one signature")
    protected, unprotected, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise EnvelopeRefused("the envelope has parts that are no bytes")
    header = _map(_read(protected))
    chain = _map(unprotected).get(_CHAIN)
    listed = [
        one for one in (chain if isinstance(chain, list | tuple) else [chain]) if isinstance(one, bytes)
    ]
    algorithm = header.get(_ALGORITHM)
    critical = header.get(_CRITICAL)
    named = {key: value for key, value in header.items() if isinstance(key, str)}
    return Opened(
        certificates(listed),
        _ALGORITHMS.get(algorithm, "unknown") if isinstance(algorithm, int) else "unknown",
        cbor2.dumps(["Signature1", protected, b"", payload]),
        signature,
        header.get(_CONTENT_TYPE),
        list(critical) if isinstance(critical, list | tuple) else None,
        named,
        payload,
    )


def _read(data: bytes) -> Any:
    try:
        return cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError, OverflowError, MemoryError):
        raise EnvelopeRefused("the envelope is not CBOR") from None


def _map(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise EnvelopeRefused("the envelope has a header that is no map")
    return value
