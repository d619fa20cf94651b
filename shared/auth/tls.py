"""TLS material from Secrets, and the `ssl.SSLContext` that is made of it.

A private key never touches a disk: `ssl` reads it from an anonymous file in memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
from dataclasses import dataclass, field
from typing import Final

from yarl import URL

from shared.auth.secrets import SecretData, SecretError

_LEGACY: Final = {"ca.crt": "caFile", "tls.crt": "certFile", "tls.key": "keyFile"}


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """Whom to trust and what to show; all PEM, empty where there is none."""

    authorities: bytes = b""
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.authorities or self.certificate)

    @property
    def fingerprint(self) -> str:
        """The same for the same material, and of no use for anything else."""
        parts = (self.authorities, self.certificate, self.key)
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def tls_from_secret(data: SecretData) -> tuple[TlsMaterial, tuple[str, ...]]:
    """Read a Secret that is there for TLS alone (`certSecretRef`), and which legacy keys were used.

    Its authorities replace those of the system, unless its owner says otherwise.
    """
    material = git_tls(data)
    if not material:
        raise SecretError("none of the keys 'ca.crt', 'tls.crt' and 'tls.key' is there")
    return material, tuple(old for key, old in _LEGACY.items() if not data.get(key) and data.get(old))


def git_tls(data: SecretData) -> TlsMaterial:
    """Read the TLS part of a Secret that has Git credentials; its authorities join those of the system."""
    return _material(*(data.get(key) or data.get(old, b"") for key, old in _LEGACY.items()))


def ssl_context(material: TlsMaterial, *, system: bool) -> ssl.SSLContext:
    """A context for clients; reads files of the system, so call it in a thread.

    With `system` the authorities of the machine are trusted as well as those of the material.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if system or not material.authorities:
        context.load_default_certs()
    if material.authorities:
        try:
            context.load_verify_locations(cadata=material.authorities.decode())
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise SecretError("the value of key 'ca.crt' has no certificates in PEM form") from error
    if material.certificate:
        _load_client(context, material)
    return context


class TlsContexts:
    """The contexts for requests that begin at one origin; no other is shown the client certificate."""

    def __init__(self, material: TlsMaterial, origin: URL, *, anywhere: bool = False) -> None:
        """With `anywhere` all origins are shown it."""
        self._material = material
        self._origin = origin
        self._anywhere = anywhere
        self._made: dict[TlsMaterial, ssl.SSLContext] = {}

    async def of(self, url: URL) -> ssl.SSLContext | None:
        """The context for an address; None where nothing was given for it.

        Raises:
            SecretError: it can't be made.
        """
        own = self._anywhere or url.origin() == self._origin
        material = self._material if own else TlsMaterial(self._material.authorities)
        if material and material not in self._made:
            self._made[material] = await asyncio.to_thread(ssl_context, material, system=True)
        return self._made.get(material)


def check_tls(material: TlsMaterial) -> None:
    """Whether a context can be made of it; reads nothing of the system.

    Raises:
        SecretError: names the key that can't be used.
    """
    if material.certificate:
        _load_client(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), material)
    if material.authorities:
        ssl_context(TlsMaterial(material.authorities), system=False)


def _material(authorities: bytes, certificate: bytes, key: bytes) -> TlsMaterial:
    if bool(certificate) != bool(key):
        there, missing = ("tls.crt", "tls.key") if certificate else ("tls.key", "tls.crt")
        raise SecretError(f"'{there}' needs '{missing}', but the key '{missing}' is missing or empty")
    return TlsMaterial(authorities, certificate, key)


def _load_client(context: ssl.SSLContext, material: TlsMaterial) -> None:
    handle = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(material.certificate.rstrip() + b"\n" + material.key)
        # An encrypted key must fail here instead of asking at a terminal.
        context.load_cert_chain(f"/proc/self/fd/{handle}", password="")
    except (ssl.SSLError, ValueError) as error:
        raise SecretError(
            "the values of keys 'tls.crt' and 'tls.key' are not a certificate and its unencrypted key"
        ) from error
    finally:
        os.close(handle)
