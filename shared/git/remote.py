"""A repository somewhere else: its address, and everything needed to get in.

A `Remote` that exists can be tried: its address is complete and its credentials fit together. It never
shows a secret, and its `url` has no user info, so both may appear in messages and logs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self

from yarl import URL

from shared.auth import (
    BasicAuth,
    Credentials,
    Proxy,
    SecretData,
    SecretError,
    TlsMaterial,
    git_tls,
    http_credentials,
)
from shared.git.errors import InvalidRemote
from shared.git.ssh import SshLogin

_SCHEMES: Final = ("http", "https", "ssh")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to fetch from, as whom, and how long that may take."""

    url: URL
    credentials: Credentials | None = None
    tls: TlsMaterial = field(default_factory=TlsMaterial)
    proxy: Proxy | None = None
    timeout: timedelta | None = None
    """Limit of one operation: listing references, or fetching a commit; None leaves it to the caller."""
    login: SshLogin | None = None
    """Who logs in over SSH; without one the address is of HTTP(S)."""

    @classmethod
    def parse(
        cls,
        url: str,
        secret: SecretData | None = None,
        *,
        proxy: Proxy | None = None,
        timeout: timedelta | None = None,
    ) -> Self:
        """Read an address and the data of the Secret that goes with it; an encrypted key takes a while.

        Raises:
            InvalidRemote: the address is none, or of a scheme that can't be served.
            SecretError: the Secret doesn't fit.
        """
        address = parse_url(url)
        data = secret or {}
        if address.scheme == "ssh":
            login = SshLogin.read(address, data)
            return cls(
                address.with_user(None).with_user(login.user), proxy=proxy, timeout=timeout, login=login
            )
        return cls(address.with_user(None), http_credentials(address, data), git_tls(data), proxy, timeout)

    @property
    def key(self) -> str:
        """A name for what this remote lets us see: address, credentials, TLS and proxy, not reversible."""
        authorization = self.credentials.header if self.credentials else ""
        proxy = f"{self.proxy.address} {_header(self.proxy.login)}" if self.proxy else ""
        login = self.login.fingerprint if self.login else ""
        parts = (str(self.url), authorization, self.tls.fingerprint, proxy, login)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def parse_url(url: str) -> URL:
    """The address of a repository; user info in it is kept."""
    try:
        address = URL(url)
        host = address.host
    except ValueError as error:
        raise InvalidRemote(f"failed to parse url '{_shown(url)}': {_without_url(error)}") from None
    if address.scheme not in _SCHEMES:
        raise InvalidRemote(
            f"failed to parse url '{_shown(url)}': the scheme '{address.scheme}' is not supported, "
            f"use one of {', '.join(_SCHEMES)}"
        )
    if not host:
        raise InvalidRemote(f"failed to parse url '{_shown(url)}': it has no host")
    return address.with_query(None).with_fragment(None)


def _shown(url: str) -> str:
    """An address that may not even be one, without what might be user info."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}" if separator else scheme


def _without_url(error: ValueError) -> str:
    """The kind of trouble only: parsers like to quote the whole address."""
    return "the port is not a number" if "port" in str(error).lower() else "it is malformed"


def _header(login: BasicAuth | None) -> str:
    return login.header if login else ""


__all__ = ["Remote", "SecretError", "parse_url"]
