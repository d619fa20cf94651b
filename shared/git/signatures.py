"""Whether a commit or tag was signed by a key that is trusted.

Keys come from the entries of a Secret: what ends in `.sshpub` is a list of SSH keys, anything else a ring of
OpenPGP keys. Everything here is computed and blocks; the libraries load with the first signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

from shared.git.openpgp import verify_openpgp
from shared.git.signed import OPENPGP, SSH, X509, Signed
from shared.git.sshsig import verify_ssh
from shared.git.trust import SignatureRefused

__all__ = ["PublicKeys", "SignatureRefused", "verify_signature"]

_SSH_SUFFIX: Final = ".sshpub"


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Whom to trust, by the names of entries; each entry holds any number of keys."""

    openpgp: Mapping[str, bytes] = field(default_factory=dict)
    ssh: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Mapping[str, bytes]) -> Self:
        """The keys of a Secret, told apart by the names of its entries."""
        ssh = {name: text for name, text in entries.items() if name.endswith(_SSH_SUFFIX)}
        return cls({name: text for name, text in entries.items() if name not in ssh}, ssh)

    @property
    def fingerprint(self) -> str:
        """A name for exactly these entries; it changes with each of their bytes."""
        digest = hashlib.sha256()
        for name, text in sorted([*self.openpgp.items(), *self.ssh.items()]):
            for part in (name.encode(), text):
                digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()


def verify_signature(signed: Signed, keys: PublicKeys, what: str, now: datetime) -> str:
    """The name of the trusted key that made a signature; blocks.

    `what` tells people what was signed, for example `commit`.

    Raises:
        SignatureRefused: there is none, it doesn't fit, or nobody trusted made it.
    """
    if signed.signature.startswith(OPENPGP):
        if not keys.openpgp:
            text = "PGP signature detected but no PGP public keys found in secret (keys with .asc suffix)"
            raise SignatureRefused(text)
        return verify_openpgp(signed, keys.openpgp, f"unable to verify Git {what}", now)
    if signed.signature.startswith(SSH):
        if not keys.ssh:
            text = "SSH signature detected but no SSH public keys found in secret (keys with .sshpub suffix)"
            raise SignatureRefused(text)
        return verify_ssh(signed, keys.ssh, f"unable to verify Git {what} SSH signature")
    raise SignatureRefused(f"unsupported signature type: {_kind(signed.signature)}")


def _kind(signature: bytes) -> str:
    if signature.startswith(X509):
        return "x509"
    return "unknown" if signature.strip() else "empty"
