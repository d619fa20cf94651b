"""Keys that sign commits and tags of an upstream: OpenPGP keys made here, SSH keys by ssh-keygen."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

import pysequoia

from shared.testing.git_upstream import Upstream


class Key(Protocol):
    """Somebody who signs."""

    @property
    def public(self) -> str:
        """The public key, as it goes into a Secret."""

    @property
    def id(self) -> str:
        """How messages call the key."""

    def sign(self, payload: bytes) -> str:
        """A detached signature in its armor."""


class PgpKey:
    """An OpenPGP key whose subkey signs; valid for as long as told, or forever."""

    def __init__(self, *, seconds: int | None = None) -> None:
        """Makes the key."""
        self._key = pysequoia.Tsk.generate("Ada Example <ada@example.org>", validity_seconds=seconds)
        self.certificate = self._key.extract_certificate()

    @property
    def public(self) -> str:
        """The armored public key."""
        return str(self.certificate)

    @property
    def id(self) -> str:
        """The last 16 digits of the fingerprint."""
        return self.certificate.fingerprint[-16:].upper()

    def sign(self, payload: bytes) -> str:
        """A detached signature."""
        mode = pysequoia.SignatureMode.DETACHED
        return pysequoia.sign(self._key.signer(), payload, mode=mode).decode()

    def revoked(self) -> str:
        """The armored public key, revoked."""
        revocation = self.certificate.revoke(self._key.certifier())
        return str(pysequoia.Cert.from_bytes(bytes(self.certificate) + bytes(revocation)))


class SshKey:
    """An SSH key in a file."""

    def __init__(self, directory: Path, kind: str = "ed25519", *, name: str = "") -> None:
        """Makes a key of a type that `ssh-keygen -t` knows."""
        self.path = directory / (name or f"key-{kind}")
        _run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "ada@example.org", "-f", str(self.path))

    @property
    def public(self) -> str:
        """The line for `authorized_keys`."""
        return self.path.with_suffix(".pub").read_text()

    @property
    def id(self) -> str:
        """The fingerprint."""
        return _run("ssh-keygen", "-l", "-f", str(self.path)).split()[1]

    def sign(self, payload: bytes, *, namespace: str = "git", hash_: str = "sha512") -> str:
        """A detached signature."""
        options = ("-n", namespace, "-O", f"hashalg={hash_}", "-f", str(self.path))
        return _run("ssh-keygen", "-Y", "sign", *options, payload=payload)


def sign_head(upstream: Upstream, key: Key, *, branch: str = "main") -> str:
    """Replace the newest commit of a branch by a signed one; its hash."""
    raw = upstream.git("cat-file", "commit", "HEAD").encode() + b"\n"
    head, blank, body = raw.partition(b"\n\n")
    signature = key.sign(raw).rstrip("\n").replace("\n", "\n ").encode()
    commit = _store(upstream, "commit", head + b"\ngpgsig " + signature + blank + body)
    upstream.git("reset", "-q", "--soft", commit)
    upstream.point(f"refs/heads/{branch}", commit)
    return commit


def sign_tag(upstream: Upstream, name: str, key: Key) -> str:
    """Replace an annotated tag by a signed one; the hash of the tag object."""
    raw = upstream.git("cat-file", "tag", f"refs/tags/{name}").encode() + b"\n"
    tag = _store(upstream, "tag", raw + key.sign(raw).encode())
    upstream.git("update-ref", f"refs/tags/{name}", tag)
    upstream.point(f"refs/tags/{name}", tag)
    return tag


def _store(upstream: Upstream, kind: str, raw: bytes) -> str:
    path = upstream.bare / "object-to-be"
    path.write_bytes(raw)
    try:
        return upstream.git("hash-object", "-t", kind, "-w", str(path))
    finally:
        path.unlink()


def _run(*command: str, payload: bytes = b"") -> str:
    return subprocess.run(command, input=payload, capture_output=True, check=True).stdout.decode()
