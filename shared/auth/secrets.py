"""What the data of a Secret says about logging in somewhere.

Everything here is a pure reading of keys and values. The values that come out never show a secret in their
`repr`, and no error contains more than the names of keys: both end up in logs and conditions.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from yarl import URL

from shared.lang.json import JsonObject
from shared.proxies import EnvironmentProxies

SecretData: TypeAlias = Mapping[str, bytes]

_PROXY_SCHEMES: Final = ("http", "https", "socks5")
_LONGEST_ADDRESS: Final = 2048


class SecretError(ValueError):
    """A Secret lacks something or has something that can't be used; names keys, never values."""


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """A user name and a password."""

    username: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of the `Authorization` header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that stands for its bearer."""

    token: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of the `Authorization` header."""
        return f"Bearer {self.token}"


Credentials: TypeAlias = BasicAuth | BearerToken


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy by its address, without user info, and how to log in there."""

    address: URL
    login: BasicAuth | None = None


def secret_data(secret: JsonObject) -> dict[str, bytes]:
    """The decoded `data` of a Secret as the API server gives it."""
    decoded: dict[str, bytes] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            decoded[key] = base64.b64decode(value or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise SecretError(f"the value of key '{key}' is not base64") from None
    return decoded


def http_credentials(url: URL, data: SecretData) -> Credentials | None:
    """Who logs in at an HTTP(S) address: a bearer token, or a user from the Secret or else from the address.

    None means that no header is sent at all; some servers refuse empty credentials.
    """
    user, secret = url.user or "", url.password or ""
    if "bearerToken" in data:
        if user or secret:
            raise SecretError("basic auth and bearer token cannot be set at the same time")
        return BearerToken(_line(data, "bearerToken"))
    username = _line(data, "username") or user
    password = _line(data, "password") or secret
    if password and not username:
        raise SecretError(f"invalid '{url.scheme}' auth option: 'password' requires 'username' to be set")
    if not username:
        return None
    return BasicAuth(username, password)


def basic_auth(data: SecretData, *, nameless: bool = False) -> BasicAuth | None:
    """Who logs in by `username` and `password`, which belong together; None if both are missing.

    With `nameless` a password is enough where the user name is there and empty: it is a token then.
    """
    username, password = _line(data, "username"), _line(data, "password")
    if nameless and "username" in data and not username:
        return BasicAuth("", password) if password else None
    if bool(username) != bool(password):
        missing = "password" if username else "username"
        raise SecretError(f"'username' and 'password' belong together, but '{missing}' is missing")
    return BasicAuth(username, password) if username else None


def proxy_from_secret(data: SecretData) -> Proxy:
    """The proxy that a Secret describes by `address`, and perhaps `username`, with or without `password`."""
    text = _line(data, "address").strip()
    if not text:
        raise SecretError("the key 'address' is missing or empty")
    if len(text) > _LONGEST_ADDRESS:
        raise SecretError(f"the value of key 'address' is longer than {_LONGEST_ADDRESS} characters")
    proxy = proxy_from_text(text)
    if proxy is None:
        known = ", ".join(_PROXY_SCHEMES)
        raise SecretError(
            f"the value of key 'address' is not a URL with a host and one of the schemes {known}"
        )
    username = _line(data, "username")
    login = BasicAuth(username, "") if username and not data.get("password") else basic_auth(data)
    return Proxy(proxy.address, login) if login else proxy


def proxy_from_environment(url: URL) -> Proxy | None:
    """The proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name for an address.

    Raises:
        ValueError: one of the variables names no proxy.
    """
    found = EnvironmentProxies.read().of(url)
    return proxy_from_text(str(found)) if found is not None else None


def proxy_from_text(text: str) -> Proxy | None:
    """The proxy of an address that may hold a login; None if it is none."""
    try:
        address = URL(text)
        host = address.host
    except ValueError:
        return None
    if address.scheme not in _PROXY_SCHEMES or not host:
        return None
    login = BasicAuth(address.user, address.password or "") if address.user else None
    return Proxy(address.with_user(None), login)


def _line(data: SecretData, key: str) -> str:
    """The text of a key; a line break at its end belongs to the editor, one inside would split a header."""
    try:
        text = data.get(key, b"").decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(f"the value of key '{key}' is not UTF-8") from None
    if any(char in text for char in "\r\n\0"):
        raise SecretError(f"the value of key '{key}' has a line break in it")
    return text
