"""A kubeconfig that a user hands in: what is taken of it, and what is not.

Only what stands in the text itself counts. Files of this machine are never read for it, commands are run and
certificates left unchecked only where the operator allows that, and whom it wants to impersonate is
ignored: `spec.serviceAccountName` says that. An error names fields, never values.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from yarl import URL

from shared.auth.remote.plugin import Plugin, PluginError
from shared.auth.secrets import BasicAuth, BearerToken, Credentials
from shared.auth.tls import TlsMaterial
from shared.lang.json import JsonObject, mapping
from shared.lang.yaml import Limits, YamlError, load

_LIMITS: Final = Limits(size=1 << 20, depth=50, expansion=20_000)
_PROXIES: Final = ("http", "https", "socks5")
_EXEC: Final = "user.exec is not run: that needs the flag --insecure-kubeconfig-exec of the controller"
_TLS: Final = (
    "insecure-skip-tls-verify is not heeded: that needs the flag --insecure-kubeconfig-tls of the controller"
)


class KubeconfigError(ValueError):
    """The text can't be used; the message names the field."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator lets kubeconfigs do."""

    plugins: bool = False
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where an API server is, whom to trust there, and who logs in."""

    server: str
    tls: TlsMaterial = field(default_factory=TlsMaterial)
    server_name: str | None = None
    proxy: URL | None = field(default=None, repr=False)
    insecure: bool = False
    credentials: Credentials | None = None
    plugin: Plugin | None = None
    #: What was not heeded, and what to do about it; it may be why the server can't be reached.
    hints: tuple[str, ...] = ()


def read_kubeconfig(text: bytes, allowed: Allowed) -> Target:
    """The target that the current context names.

    Raises:
        KubeconfigError: it names none that can be used.
    """
    config = _document(text)
    context = _chosen(config, "contexts", "context", _text(config, "current-context"), "current-context")
    cluster = _chosen(config, "clusters", "cluster", _text(context, "cluster"), "the cluster of the context")
    name = _text(context, "user")
    user = _chosen(config, "users", "user", name, "the user of the context") if name else {}
    hints = []
    insecure = cluster.get("insecure-skip-tls-verify") is True
    if insecure and not allowed.insecure:
        hints.append(_TLS)
    plugin = _plugin(user)
    if plugin is not None and not allowed.plugins:
        plugin = None
        hints.append(_EXEC)
    target = Target(
        server=_server(cluster),
        tls=_material(cluster, user),
        server_name=_text(cluster, "tls-server-name") or None,
        proxy=_proxy(cluster),
        insecure=insecure and allowed.insecure,
        credentials=_credentials(user),
        plugin=plugin,
        hints=tuple(hints),
    )
    _check(target, user)
    return target


def _document(text: bytes) -> JsonObject:
    try:
        found = load(text, _LIMITS)
    except YamlError as error:
        raise KubeconfigError(f"it is no YAML: {error}") from None
    if not isinstance(found, dict):
        raise KubeconfigError("it is no kubeconfig, which is a map with clusters, contexts and users")
    return found


def _chosen(config: JsonObject, listed: str, field_name: str, name: str, what: str) -> JsonObject:
    if not name:
        raise KubeconfigError(f"{what} is not set")
    entries = config.get(listed)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            return mapping(entry.get(field_name))
    raise KubeconfigError(f"{what} names nothing in {listed}")


def _server(cluster: JsonObject) -> str:
    text = _text(cluster, "server")
    if not text:
        raise KubeconfigError("cluster.server is not set")
    try:
        url = URL(text if "://" in text else f"https://{text}")
        sound = url.scheme in ("http", "https") and bool(url.host) and not (url.user or url.password)
        sound = sound and not (url.query_string or url.fragment)
    except ValueError:
        sound = False
    if not sound:
        raise KubeconfigError("cluster.server is not a URL of the form https://host:port")
    return str(url).rstrip("/")


def _proxy(cluster: JsonObject) -> URL | None:
    text = _text(cluster, "proxy-url")
    if not text:
        return None
    try:
        url = URL(text)
        url = url.with_scheme("socks5") if url.scheme == "socks5h" else url
        sound = url.scheme in _PROXIES and bool(url.host)
    except ValueError:
        sound = False
    if not sound:
        known = ", ".join(_PROXIES)
        raise KubeconfigError(f"cluster.proxy-url is not a URL with one of the schemes {known}")
    return url.origin().with_user(url.user).with_password(url.password)


def _material(cluster: JsonObject, user: JsonObject) -> TlsMaterial:
    authorities = _inline(cluster, "cluster", "certificate-authority")
    certificate = _inline(user, "user", "client-certificate")
    key = _inline(user, "user", "client-key")
    if bool(certificate) != bool(key):
        missing = "client-key-data" if certificate else "client-certificate-data"
        raise KubeconfigError(f"user.{missing} is missing: a certificate and its key belong together")
    return TlsMaterial(authorities, certificate, key)


def _inline(holder: JsonObject, where: str, name: str) -> bytes:
    """Decoded data of a field; a file in its place is refused, because it would be one of this machine."""
    text = _text(holder, f"{name}-data")
    if not text:
        if _text(holder, name):
            raise KubeconfigError(
                f"{where}.{name} names a file, which is never read: put its content into {name}-data"
            )
        return b""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise KubeconfigError(f"{where}.{name}-data is not base64") from None


def _credentials(user: JsonObject) -> Credentials | None:
    token, name = _line(user, "token"), _line(user, "username")
    if token and name:
        raise KubeconfigError("user.token and user.username exclude each other: keep one of them")
    if token:
        return BearerToken(token)
    return BasicAuth(name, _line(user, "password")) if name else None


def _plugin(user: JsonObject) -> Plugin | None:
    if user.get("exec") is None:
        return None
    try:
        return Plugin.read(mapping(user.get("exec")))
    except PluginError as error:
        raise KubeconfigError(str(error)) from None


def _check(target: Target, user: JsonObject) -> None:
    """Refuses what could only be refused by the server, or could be a way that nobody meant."""
    if target.insecure and target.tls.authorities:
        text = "cluster.insecure-skip-tls-verify and certificate-authority-data exclude each other"
        raise KubeconfigError(text)
    if target.credentials or target.plugin or target.tls.certificate:
        return
    if _EXEC in target.hints:
        raise KubeconfigError(_EXEC)
    for name in ("tokenFile", "auth-provider"):
        if user.get(name):
            why = "names a file, which is never read" if name == "tokenFile" else "is not supported"
            raise KubeconfigError(f"user.{name} {why}: use a token or a client certificate")


def _line(holder: JsonObject, name: str) -> str:
    """Text that becomes a part of a header."""
    text = _text(holder, name).rstrip("\r\n")
    if not text.isprintable():
        raise KubeconfigError(f"user.{name} has characters that can't be sent")
    return text


def _text(holder: JsonObject, name: str) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise KubeconfigError(f"{name} is no text")
    return str(value)
