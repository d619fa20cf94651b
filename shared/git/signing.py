"""Signatures that commits get: by an OpenPGP key, or by an SSH key as `ssh-keygen -Y sign` makes them.

Keys come from Secrets. A `Sign` that exists can sign: the key was read, decrypted, and is strong enough.
Nothing of a key is ever part of an error.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from shared.git.sshsig import NAMESPACE, Blob
from shared.git.writing import Sign

if TYPE_CHECKING:
    import asyncssh
    from pysequoia import Tsk

#: What GnuPG writes behind the public part of a key in place of the secret: usage, cipher, kind of S2K, hash.
_STUB: Final = re.compile(rb"[\xfe\xff].\x65.GNU", re.DOTALL)
_HASH: Final = b"sha512"
_SMALLEST_RSA: Final = 2048
_ALGORITHMS: Final = {
    "ssh-ed25519": "ssh-ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
    "ssh-rsa": "rsa-sha2-512",
}


class UnusableKey(Exception):
    """A key can't sign; str() says why."""


class SeveralKeys(UnusableKey):
    """There is more than one key."""


class EncryptedKey(UnusableKey):
    """The key is encrypted, and there is no passphrase."""


class WrongPassphrase(UnusableKey):
    """The key is encrypted with another passphrase."""


def by_openpgp(armored: bytes, passphrase: str | None) -> Sign:
    """Signs with the one OpenPGP key of a text; blocks for as long as a passphrase takes.

    Raises:
        UnusableKey: one of its family says why not.
    """
    import pysequoia  # noqa: PLC0415 - loaded with the first signature

    try:
        if len(pysequoia.Cert.split_bytes(armored)) > 1:
            raise SeveralKeys("there is more than one key")
        key = _without_stubs(pysequoia.Tsk.from_bytes(armored))
    except RuntimeError as error:
        raise UnusableKey(_first_line(error)) from None
    signer = _signer(key, passphrase)

    def sign(text: bytes) -> str:
        made: bytes = pysequoia.sign(signer, text, mode=pysequoia.SignatureMode.DETACHED)
        return made.decode()

    return sign


def _without_stubs(key: Tsk) -> Tsk:
    """The key such that what lacks its secret, or has it on a card, is public only and not chosen to sign.

    So are primary keys that GnuPG exports with `--export-secret-subkeys`.
    """
    import pysequoia  # noqa: PLC0415 - see above
    from pysequoia.packet import PacketPile  # noqa: PLC0415

    public = {
        packet.fingerprint: packet
        for packet in PacketPile.from_bytes(bytes(key.extract_certificate()))
        if packet.fingerprint is not None
    }
    packets = []
    for packet in PacketPile.from_bytes(bytes(key)):
        twin = public.get(packet.fingerprint or "")
        packets.append(twin if twin and _STUB.match(packet.body, len(twin.body)) else packet)
    return pysequoia.Tsk.from_packets(packets)


def _signer(key: Any, passphrase: str | None) -> Any:
    try:
        return key.signer()
    except RuntimeError as error:
        problem = _first_line(error)
    if "encrypted" not in problem:
        raise UnusableKey(f"{problem}: nothing of the key can sign here and now")
    if not passphrase:
        raise EncryptedKey("the key is encrypted")
    try:
        return key.signer(passphrase)
    except RuntimeError as error:
        raise WrongPassphrase(_first_line(error)) from None


def by_ssh(identity: bytes, passphrase: str | None) -> Sign:
    """Signs with an SSH key; blocks for as long as a passphrase takes.

    Raises:
        UnusableKey: one of its family says why not.
    """
    key = _ssh_key(identity, passphrase)
    kind = key.algorithm.decode()
    algorithm = _ALGORITHMS.get(kind)
    if algorithm is None:
        known = "ed25519, ecdsa-sha2-nistp256/384/521 and rsa"
        raise UnusableKey(f"keys of the type {kind} can't sign commits, use one of {known}")
    if kind == "ssh-rsa" and _bits(key) < _SMALLEST_RSA:
        raise UnusableKey(f"the rsa key has less than {_SMALLEST_RSA} bits")

    def sign(text: bytes) -> str:
        blob = Blob(key.public_data, NAMESPACE, b"", _HASH, b"")
        made = key.sign(blob.message(text), algorithm.encode())
        return replace(blob, signature=made).armored()

    return sign


def _ssh_key(identity: bytes, passphrase: str | None) -> asyncssh.SSHKey:
    import asyncssh  # noqa: PLC0415 - loaded with the first signature

    try:
        return asyncssh.import_private_key(identity)
    except asyncssh.KeyEncryptionError:
        pass
    except (asyncssh.KeyImportError, ValueError) as error:
        problem = str(error)
        if "assphrase" not in problem:
            raise UnusableKey(problem) from None
    if not passphrase:
        raise EncryptedKey("the key is encrypted")
    try:
        return asyncssh.import_private_key(identity, passphrase)
    except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError, ValueError) as error:
        raise WrongPassphrase(str(error)) from None


def _bits(key: asyncssh.SSHKey) -> int:
    size = getattr(key.pyca_key, "key_size", 0)
    return int(size)


def _first_line(error: Exception) -> str:
    """What a library says, without the trace that it adds."""
    return str(error).partition("\n")[0]
