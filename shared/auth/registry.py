"""Who logs in at a registry: what Secrets of the type `kubernetes.io/dockerconfigjson` say about it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, Self

from shared.auth.secrets import SecretData, SecretError
from shared.lang import json
from shared.lang.json import JsonObject, mapping

_DOCKER_JSON: Final = "kubernetes.io/dockerconfigjson"
_DOCKER_LEGACY: Final = "kubernetes.io/dockercfg"
_SCHEME: Final = re.compile(r"^[a-z]+://")
_API: Final = re.compile(r"^/v[12](?=/|$)")
_SENDABLE: Final = re.compile(r"[\x21-\x7e]*")


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """A user and a password, or a token that stands for them."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """Gives tokens for single requests."""
    registry_token: str = field(default="", repr=False)
    """Is such a token itself."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.username or self.password or self.identity_token or self.registry_token)


@dataclass(frozen=True, slots=True)
class Keychain:
    """Logins by the hosts and paths that they are for."""

    logins: Mapping[str, RegistryLogin] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, secrets: Iterable[tuple[str, SecretData]]) -> Self:
        """From types and data of Secrets; an earlier one wins, and types that are no logins add nothing.

        Raises:
            SecretError: a Secret can't be read.
        """
        logins: dict[str, RegistryLogin] = {}
        for type_, data in secrets:
            for name, login in _logins(type_, data).items():
                logins.setdefault(_place(name), login)
        return cls(logins)

    def login(self, host: str, path: str) -> RegistryLogin | None:
        """The login for a repository, that with the longer path first; None if nothing is for it."""
        for place in sorted(self.logins, reverse=True):
            if _matches(place, host, path):
                return self.logins[place]
        return None


def _logins(type_: str, data: SecretData) -> dict[str, RegistryLogin]:
    if type_ == _DOCKER_JSON:
        entries = mapping(_decoded(data, ".dockerconfigjson").get("auths"))
    elif type_ == _DOCKER_LEGACY:
        entries = _decoded(data, ".dockercfg")
    else:
        return {}
    return {name: _login(name, mapping(entry)) for name, entry in entries.items()}


def _decoded(data: SecretData, key: str) -> JsonObject:
    try:
        found = json.loads(data.get(key, b"{}"))
    except ValueError:
        raise SecretError(f"the value of key '{key}' is not JSON") from None
    if not isinstance(found, dict):
        raise SecretError(f"the value of key '{key}' is not a JSON object")
    return found


def _login(name: str, entry: JsonObject) -> RegistryLogin:
    def text(key: str) -> str:
        value = entry.get(key)
        return value if isinstance(value, str) else ""

    username, password, registry_token = text("username"), text("password"), text("registrytoken")
    if text("auth"):
        username, password = _pair(name, text("auth"))
    if not _SENDABLE.fullmatch(registry_token):
        raise SecretError(f"the login for '{name}' has a 'registrytoken' that can't be sent")
    return RegistryLogin(username, password.rstrip("\0"), text("identitytoken"), registry_token)


def _pair(name: str, auth: str) -> tuple[str, str]:
    """User and password; line breaks and the padding count for nothing."""
    encoded = "".join(auth.split()).rstrip("=")
    try:
        pair = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise SecretError(f"the login for '{name}' has an 'auth' that is not base64") from None
    username, colon, password = pair.partition(":")
    if not colon:
        raise SecretError(f"the login for '{name}' has an 'auth' without a colon")
    return username, password


def _place(name: str) -> str:
    """Host and path of an entry, without the scheme and the version of the API."""
    host, slash, path = _SCHEME.sub("", name).partition("/")
    path = _API.sub("", f"{slash}{path}")
    return host.lower() + ("" if path == "/" else path)


def _matches(place: str, host: str, path: str) -> bool:
    """Whether an entry is for a repository: same port, labels with wildcards, beginning of the path."""
    wanted, slash, beginning = place.partition("/")
    wanted_name, wanted_port = _split(wanted)
    found_name, found_port = _split(host.lower())
    if wanted_name == "docker.io":
        wanted_name = "index.docker.io"
    if wanted_port != found_port:
        return False
    wanted_labels, found_labels = wanted_name.split("."), found_name.split(".")
    if len(wanted_labels) != len(found_labels):
        return False
    if not all(fnmatchcase(label, one) for one, label in zip(wanted_labels, found_labels, strict=True)):
        return False
    return not slash or path.startswith(beginning)


def _split(host: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?)(?::([0-9]+))?", host)
    return (found[1], found[2] or "") if found else (host, "")
