"""Signatures by SSH keys, as `ssh-keygen -Y sign` makes them for Git.

The format is described in PROTOCOL.sshsig of OpenSSH: a blob with the key, what the signature is for, and a
signature over the hash of the content. SHA-1 is not accepted anywhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from shared.git.signed import Signed
from shared.git.trust import SignatureRefused

if TYPE_CHECKING:
    import asyncssh

_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
NAMESPACE: Final = b"git"
_WIDTH: Final = 70
_BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----"
_END: Final = b"-----END SSH SIGNATURE-----"
_HASHES: Final = (b"sha256", b"sha512")
_ALGORITHMS: Final = frozenset(
    {
        b"ssh-ed25519",
        b"ssh-ed448",
        b"ecdsa-sha2-nistp256",
        b"ecdsa-sha2-nistp384",
        b"ecdsa-sha2-nistp521",
        b"rsa-sha2-256",
        b"rsa-sha2-512",
        b"sk-ssh-ed25519@openssh.com",
        b"sk-ecdsa-sha2-nistp256@openssh.com",
    }
)


@dataclass(frozen=True, slots=True)
class Blob:
    """A signature by its parts."""

    key: bytes
    namespace: bytes
    reserved: bytes
    hash: bytes
    signature: bytes

    def message(self, payload: bytes) -> bytes:
        """What the key has really signed."""
        digest = hashlib.new(self.hash.decode(), payload).digest()
        return _MAGIC + b"".join(map(_string, (self.namespace, self.reserved, self.hash, digest)))

    def armored(self) -> str:
        """The text that goes into a commit."""
        parts = (self.key, self.namespace, self.reserved, self.hash, self.signature)
        raw = _MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(_string, parts))
        body = textwrap.fill(base64.b64encode(raw).decode(), _WIDTH)
        return f"{_BEGIN.decode()}\n{body}\n{_END.decode()}\n"


def verify_ssh(signed: Signed, entries: Mapping[str, bytes], failure: str) -> str:
    """The fingerprint of the key that made a signature, as `ssh-keygen -l` shows it; blocks.

    Raises:
        SignatureRefused: no key of the entries made it.
    """
    keys = _authorized(entries)
    problem = f"{failure}: unable to verify payload with any of the given authorized keys: "
    try:
        blob = _read(signed.signature)
    except ValueError as error:
        raise SignatureRefused(f"{problem}{error}") from None
    name = _fingerprint(blob.key)
    key = keys.get(blob.key)
    if key is None:
        raise SignatureRefused(f"{problem}the key {name} that made the signature is not among them")
    try:
        fits = key.verify(blob.message(signed.payload), blob.signature)
    except (ValueError, OverflowError):
        fits = False
    if not fits:
        raise SignatureRefused(f"{problem}the signature by {name} doesn't fit")
    return name


def _authorized(entries: Mapping[str, bytes]) -> dict[bytes, asyncssh.SSHKey]:
    """The keys of all entries, by what stands for them in signatures; a bad line spoils its entry."""
    found: dict[bytes, asyncssh.SSHKey] = {}
    broken = []
    for name, text in sorted(entries.items()):
        try:
            keys = [_key(line) for line in _lines(text)]
        except ValueError as error:
            broken.append(f"'{name}': {error}")
        else:
            found |= {key.public_data: key for key in keys}
    if not found:
        text_ = "; ".join(broken) or "there are no keys in it"
        raise SignatureRefused(f"unable to parse authorized keys: {text_}")
    return found


def _lines(text: bytes) -> Iterator[bytes]:
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith(b"#"):
            yield line


def _key(line: bytes) -> asyncssh.SSHKey:
    """The key of a line; options before it and a comment after it mean nothing here."""
    import asyncssh  # noqa: PLC0415 - loaded with the first signature

    words = line.split()
    for kind, text in pairwise(words):
        try:
            blob = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        if blob.startswith(_string(kind)):
            try:
                return asyncssh.import_public_key(kind + b" " + text)
            except (asyncssh.KeyImportError, ValueError) as error:
                raise ValueError(
                    f"a key of the type {kind.decode(errors='replace')!r} can't be used"
                ) from error
    raise ValueError("a line has no key in it")


def _read(armored: bytes) -> Blob:
    """The parts of a signature that may be looked at further."""
    text = armored.strip()
    if not text.startswith(_BEGIN) or not text.endswith(_END):
        raise ValueError("the signature isn't complete")
    try:
        raw = base64.b64decode(b"".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    except binascii.Error:
        raise ValueError("the signature isn't Base64") from None
    if not raw.startswith(_MAGIC + _VERSION.to_bytes(4, "big")):
        raise ValueError("the signature has no known format")
    parts = list(_strings(raw[len(_MAGIC) + 4 :]))
    if len(parts) != 5:
        raise ValueError("the signature isn't complete")
    blob = Blob(*parts)
    if blob.namespace != NAMESPACE:
        raise ValueError("the signature was not made for the namespace 'git'")
    if blob.hash not in _HASHES:
        raise ValueError("the signature uses another hash function than sha256 and sha512")
    algorithm = next(_strings(blob.signature), b"")
    if algorithm not in _ALGORITHMS:
        raise ValueError("the signature uses an algorithm that isn't accepted")
    return blob


def _strings(data: bytes) -> Iterator[bytes]:
    """Strings with their lengths before them."""
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        if len(data) < max(end, 4):
            raise ValueError("the signature isn't complete")
        yield data[4:end]
        data = data[end:]


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
