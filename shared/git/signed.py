"""What of a commit or a tag its author has signed: everything but the signature itself, byte for byte.

A commit carries its signature in a header, an annotated tag at the end of its message. A repository may
also hold a signature for its twin with the other hash function; no signature is part of what is signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OPENPGP: Final = b"-----BEGIN PGP SIGNATURE-----"
SSH: Final = b"-----BEGIN SSH SIGNATURE-----"
X509: Final = b"-----BEGIN SIGNED MESSAGE-----"

_SHA1: Final = b"gpgsig"
_SHA256: Final = b"gpgsig-sha256"
_LONG: Final = 64


@dataclass(frozen=True, slots=True)
class Signed:
    """The bytes that a signature is about, and the signature in its armor; empty if there is none."""

    payload: bytes
    signature: bytes = b""


def signed_commit(raw: bytes, hash_: str) -> Signed:
    """A commit without its signatures, and the one that belongs to a hash of this length."""
    kept, signatures = _without_signatures(raw)
    return Signed(kept, signatures[_SHA256 if len(hash_) == _LONG else _SHA1])


def signed_tag(raw: bytes) -> Signed:
    """An annotated tag; its signature is what begins with the last line that begins one."""
    kept, _ = _without_signatures(raw)
    body = kept.find(b"\n\n") + 2
    start = max(kept.rfind(b"\n" + armor, body - 1) for armor in (OPENPGP, SSH, X509))
    if body < 2 or start < 0:
        return Signed(kept)
    return Signed(kept[: start + 1], kept[start + 1 :])


def _without_signatures(raw: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The object without headers that hold signatures, and what was in those."""
    head, blank, body = raw.partition(b"\n\n")
    kept: list[bytes] = []
    found: dict[bytes, bytes] = {_SHA1: b"", _SHA256: b""}
    name = b""
    for line in head.split(b"\n"):
        if line.startswith(b" "):
            value = line[1:]
        else:
            name, _, value = line.partition(b" ")
        if name in found:
            found[name] += value + b"\n"
        else:
            kept.append(line)
    return b"\n".join(kept) + blank + body, found
