"""What a Provider and its Secrets say about reaching a service: the address, who logs in, and on which way.

Of each thing the last one that is given wins: the field of the spec, then the key of the Secret of
`secretRef`, and for proxies the Secret of `proxySecretRef` after that. Each Secret is read once per opening,
and what is read lives no longer than the notifier that is made of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from yarl import URL

from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.git.github import GITHUB, is_public
from notification_controller.delivery.masking import Mask
from notification_controller.delivery.sessions import Way
from shared.api.meta import LocalObjectReference
from shared.api.notification_v1beta3 import COMMIT_STATUS, Provider, ProviderType
from shared.auth import (
    BasicAuth,
    BearerToken,
    Proxy,
    SecretData,
    SecretError,
    Secrets,
    SecretUnavailable,
    TlsMaterial,
    basic_auth,
    check_tls,
    git_tls,
    proxy_from_secret,
    proxy_from_text,
    tls_from_secret,
)
from shared.kube.errors import KubeError
from shared.lang import yaml

TOKEN: Final = "token"  # noqa: S105 - the name of a key

_ADDRESS: Final = "address"
_HEADERS: Final = "headers"
_PROXY: Final = "proxy"
_LONGEST: Final = 2048


@dataclass(frozen=True, slots=True)
class Access:
    """How a service is reached, for one notifier."""

    type: ProviderType
    namespace: str
    name: str
    uid: str
    timeout: timedelta
    address: str = field(default="", repr=False)
    channel: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: bytes = field(default=b"", repr=False)
    """As it stands in the Secret: it may be the key of a signature."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    way: Way = field(default_factory=Way, repr=False)
    account: str = ""
    """ServiceAccount whose identity counts."""
    secret: SecretData = field(default_factory=dict, repr=False)
    """All of the Secret of `secretRef`, for keys that only one type knows."""
    mask: Mask = field(default_factory=Mask, repr=False)

    @property
    def url(self) -> URL:
        """The address as a URL, without a login.

        Raises:
            Unusable: it is none.
        """
        return self._parsed.with_user(None)

    @property
    def bearer(self) -> str:
        """The token as it goes into a header or an address: without the line break of an editor.

        Raises:
            Unusable: it has something in it that can't be there.
        """
        return self.line(TOKEN)

    @property
    def login(self) -> BasicAuth | None:
        """User name and password, if both are there."""
        return BasicAuth(self.username, self.password) if self.username and self.password else None

    @property
    def in_address(self) -> BasicAuth | None:
        """Who logs in according to the address."""
        url = self._parsed
        return BasicAuth(url.user or "", url.password or "") if url.user or url.password else None

    @property
    def by_address(self) -> dict[str, str]:
        """The header that logs in whoever the address names."""
        login = self.in_address
        return {"Authorization": login.header} if login else {}

    @property
    def by_token(self) -> dict[str, str]:
        """The header that logs in by token; without one, whoever the address names logs in.

        Raises:
            Unusable: the token has something in it that can't be there.
        """
        token = self.bearer
        return {"Authorization": BearerToken(token).header} if token else self.by_address

    def line(self, key: str) -> str:
        """The value of a key of the Secret as one line, without white space around it.

        Raises:
            Unusable: it is no such text.
        """
        try:
            text = self.secret.get(key, b"").decode().strip()
        except UnicodeDecodeError:
            raise Unusable(f"the value of key '{key}' is not UTF-8") from None
        if not text.isprintable():
            raise Unusable(f"the value of key '{key}' has a line break or a control character in it")
        return text

    def authorization(self, *, bearer_first: bool = True) -> dict[str, str]:
        """The header that logs in by token or else by user name and password; or the other way round.

        Without either, whoever the address names logs in.
        """
        token = BearerToken(self.bearer) if self.bearer else None
        found = (token or self.login) if bearer_first else (self.login or token)
        return {"Authorization": found.header} if found else self.by_address

    @property
    def _parsed(self) -> URL:
        try:
            url = URL(self.address)
            sound = url.scheme in ("http", "https") and bool(url.host)
        except ValueError:
            sound = False
        if not sound:
            where = "the key 'address' of the Secret" if _ADDRESS in self.secret else "spec.address"
            raise Unusable(
                f"{where} is not a URL with a host and one of the schemes http and https"
                if self.address
                else "the address is missing: set spec.address, or the key 'address' of the Secret"
            )
        return url


class Accesses:
    """Reads Providers and their Secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def of(self, provider: Provider) -> Access:
        """How the service of a Provider is reached.

        Raises:
            Unusable: something is missing or can't be used; the text holds no secret.
        """
        spec = provider.spec
        reading = _Reading(self._secrets, provider.namespace)
        secret = await reading.data(spec.secret_ref) or {}
        with_proxy = await reading.data(spec.proxy_secret_ref)
        with_tls = await reading.data(spec.cert_secret_ref)
        try:
            login = basic_auth(secret, nameless=True)
            headers = _headers(spec.type, secret)
            proxy = _proxy(spec.proxy, secret, with_proxy)
            tls = _tls(spec.type, secret, with_tls)
            if tls:
                await asyncio.to_thread(check_tls, tls)
        except SecretError as error:
            raise Unusable(str(error)) from None
        address = _address(spec.address, secret)
        return Access(
            type=spec.type,
            namespace=provider.namespace,
            name=provider.name,
            uid=provider.metadata.uid,
            timeout=provider.timeout,
            address=address,
            channel=spec.channel or "",
            username=login.username if login else spec.username or "",
            password=login.password if login else "",
            token=secret.get(TOKEN, b""),
            headers=headers,
            way=Way(proxy, tls, spec.type in GITHUB and is_public(address)),
            account=spec.service_account_name or "",
            secret=secret,
            mask=Mask(tuple(reading.found.values()), _told(headers)),
        )


class _Reading:
    """The Secrets of one Provider, each read once."""

    def __init__(self, secrets: Secrets, namespace: str) -> None:
        self._secrets = secrets
        self._namespace = namespace
        self.found: dict[str, SecretData] = {}

    async def data(self, reference: LocalObjectReference | None) -> SecretData | None:
        """What a Secret holds, which may be nothing; None where none is named."""
        if reference is None:
            return None
        name = reference.name
        if name not in self.found:
            try:
                _, self.found[name] = await self._secrets.read(self._namespace, name)
            except SecretUnavailable as error:
                raise Unusable(str(error)) from None
            except KubeError as error:
                raise Unusable(f"failed to get secret '{self._namespace}/{name}': {error}") from None
        return self.found[name]


def _address(given: str | None, secret: SecretData) -> str:
    if _ADDRESS not in secret:
        return given or ""
    if len(secret[_ADDRESS]) > _LONGEST:
        raise Unusable(f"invalid address in secret: address exceeds maximum length of {_LONGEST} bytes")
    try:
        return secret[_ADDRESS].decode().strip()
    except UnicodeDecodeError:
        raise Unusable(f"the value of key '{_ADDRESS}' is not UTF-8") from None


def _headers(kind: ProviderType, secret: SecretData) -> dict[str, str]:
    """Names and texts; numbers, truth values and nothing count as how they are written."""
    if _HEADERS not in secret:
        return {}
    try:
        found = yaml.load(secret[_HEADERS].decode())
    except (yaml.YamlError, UnicodeDecodeError) as error:
        why = error if isinstance(error, yaml.YamlError) else "not UTF-8"
        raise Unusable(f"failed to read headers from secret: {why}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Unusable("failed to read headers from secret: a map of names and values is needed")
    headers: dict[str, str] = {}
    for number, (name, value) in enumerate(found.items(), 1):
        # By its number: where a colon or a line break is missing, the name has the secret in it.
        where = f"failed to read headers from secret: the {{}} of header {number}"
        if isinstance(value, dict | list):
            raise Unusable(f"{where.format('value')} is not a string")
        text = "" if value is None else value if isinstance(value, str) else yaml.scalar_text(value)
        # Those of Pub/Sub are attributes of a message, which may be any text.
        if kind is not ProviderType.GOOGLE_PUBSUB:
            _check_header(where, name, text)
        headers[name] = text
    return headers


def _check_header(where: str, name: str, value: str) -> None:
    if not _is_name(name):
        raise Unusable(f"{where.format('name')} has signs that no such name has")
    if any(char in value for char in "\r\n\0"):
        raise Unusable(f"{where.format('value')} has a line break or a null in it")


def _is_name(text: str) -> bool:
    return bool(text) and all(
        char.isascii() and (char.isalnum() or char in "!#$%&'*+-.^_`|~") for char in text
    )


def _proxy(given: str | None, secret: SecretData, with_proxy: SecretData | None) -> Proxy | None:
    """Never the way without it where a Secret is there for it, whatever that lacks."""
    if with_proxy is not None:
        with _failing("proxy URL of spec.proxySecretRef"):
            return proxy_from_secret(with_proxy)
    text, where = given or "", "spec.proxy"
    if _PROXY in secret:
        text, where = secret[_PROXY].decode(errors="replace").strip(), f"the value of key '{_PROXY}'"
    proxy = proxy_from_text(text) if text else None
    if text and proxy is None:
        raise Unusable(f"{where} is not a URL with a host and one of the schemes http, https and socks5")
    return proxy


def _tls(kind: ProviderType, secret: SecretData, with_tls: SecretData | None) -> TlsMaterial:
    if with_tls is not None:
        with _failing("TLS config of spec.certSecretRef"):
            return tls_from_secret(with_tls)[0]
    return git_tls(secret) if kind in COMMIT_STATUS else TlsMaterial()


@contextmanager
def _failing(what: str) -> Iterator[None]:
    """Says of what is wrong with a Secret what it keeps us from."""
    try:
        yield
    except SecretError as error:
        raise Unusable(f"failed to get {what}: {error}") from None


def _told(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The values of headers, and what comes after the name of a scheme."""
    return tuple(text for value in headers.values() for text in (value, value.partition(" ")[2]))
