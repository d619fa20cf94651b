"""Who logs in at an SSH host, and by which keys the host itself is known; read from the data of a Secret."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from yarl import URL

from shared.auth import SecretData, SecretError
from shared.git.ssh.known_hosts import KnownHosts

if TYPE_CHECKING:
    import asyncssh

DEFAULT_USER: Final = "git"


class EncryptedIdentity(SecretError):
    """The private key is encrypted, and nothing is there to decrypt it with."""


@dataclass(frozen=True, slots=True)
class SshLogin:
    """A user, the private key that shows it, and the keys of hosts."""

    user: str
    key: asyncssh.SSHKey = field(repr=False, compare=False)
    hosts: KnownHosts = field(repr=False, compare=False)
    digest: str
    """Not reversible; the same for the same data of a Secret."""

    @property
    def fingerprint(self) -> str:
        """A name for what this login lets us see."""
        return f"{self.user} {self.digest}"

    @classmethod
    def read(cls, url: URL, data: SecretData) -> Self:
        """The login at an address; blocks for a while if the key is encrypted.

        Raises:
            EncryptedIdentity: the Secret has no `password` for its encrypted key.
            SecretError: a key is missing or can't be read.
        """
        for name in ("identity", "known_hosts"):
            if not data.get(name):
                raise SecretError(f"invalid 'ssh' auth option: '{name}' is required")
        parts = [data.get(name, b"") for name in ("identity", "password", "known_hosts")]
        digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
        hosts = KnownHosts.parse(data["known_hosts"])
        return cls(url.user or DEFAULT_USER, _key(data), hosts, digest)

    def named(self, user: str | None) -> Self:
        """The same key as another user."""
        return dataclasses.replace(self, user=user or DEFAULT_USER)


def _key(data: SecretData) -> asyncssh.SSHKey:
    import asyncssh  # noqa: PLC0415 - loaded with the first SSH remote

    passphrase = data.get("password", b"").rstrip(b"\r\n") or None
    try:
        return asyncssh.import_private_key(data["identity"], passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        if not _is_encrypted(data["identity"]):
            raise SecretError(
                "invalid 'ssh' auth option: 'identity' is not a private key in PEM or OpenSSH format"
            ) from None
    if passphrase:
        raise SecretError("invalid 'ssh' auth option: 'password' does not decrypt 'identity'")
    raise EncryptedIdentity(
        "SSH identity key is encrypted but no 'password' field was provided in the secret"
    )


def _is_encrypted(identity: bytes) -> bool:
    import asyncssh  # noqa: PLC0415 - see above

    try:
        asyncssh.import_private_key(identity)
    except asyncssh.KeyImportError as error:
        return "passphrase" in str(error).lower()
    except (asyncssh.KeyEncryptionError, ValueError):
        return True
    return False
