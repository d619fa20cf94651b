"""What Secrets say about reaching a HelmRepository, be it an index or a registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from shared.api.source_v1 import HelmRepository, Provider
from shared.api.source_v1.helm import DEFAULT_TIMEOUT
from shared.auth import (
    BasicAuth,
    Keychain,
    RegistryLogin,
    SecretData,
    SecretError,
    Secrets,
    SecretUnavailable,
    TlsMaterial,
    basic_auth,
    check_tls,
    tls_from_secret,
)
from shared.oci import Access, Repository
from source_controller.helm_repository.client import HelmAccess, HelmHttp, repository_url
from source_controller.identities import Identities
from source_controller.secrets import refused

_DOCKER_JSON: Final = "kubernetes.io/dockerconfigjson"
_LEGACY_TLS: Final = ("ca.crt", "tls.crt", "tls.key", "caFile", "certFile", "keyFile")


@dataclass(frozen=True, slots=True)
class _Material:
    """What the Secrets of an object hold."""

    type: str
    data: SecretData
    tls: TlsMaterial
    legacy: bool
    """Whether the TLS material is from the Secret that is there for the login."""


class HelmClients:
    """Reads of Secrets what repositories want to know."""

    def __init__(self, session: aiohttp.ClientSession, secrets: Secrets, identities: Identities) -> None:
        """The session is shared by all repositories."""
        self._session = session
        self._secrets = secrets
        self._identities = identities

    def anonymous(self, url: str) -> HelmHttp:
        """The client of a repository that no object describes.

        Raises:
            InvalidUrl: it isn't the address of a repository.
        """
        return HelmHttp(self._session, HelmAccess(repository_url(url)))

    async def open(self, obj: HelmRepository) -> HelmHttp:
        """The client of a repository that has an index.

        Raises:
            InvalidUrl: `spec.url` isn't the address of one.
            Failure: a Secret is missing or can't be used; it may come or change later.
        """
        spec, url = obj.spec, repository_url(obj.spec.url)
        found = await self._material(obj)
        try:
            login = basic_auth(found.data) or _user_info(spec.url)
        except SecretError as error:
            raise refused(f"failed to detect authentication methods: {error}") from error
        timeout = spec.timeout or DEFAULT_TIMEOUT
        access = HelmAccess(url, timeout, login, found.tls, spec.pass_credentials, found.legacy)
        return HelmHttp(self._session, access)

    async def registry(self, obj: HelmRepository, repository: Repository) -> Access:
        """How to reach a repository of the registry that an object describes.

        Raises:
            Failure: a Secret is missing or can't be used, or a cloud gives nothing; that may change later.
        """
        found = await self._material(obj)
        name = obj.spec.secret_ref.name if obj.spec.secret_ref else ""
        try:
            login = _registry_login(name, found, repository) if name else None
        except SecretError as error:
            raise refused(f"failed to configure OCI registry authentication: {error}") from error
        if not name and obj.spec.provider is not Provider.GENERIC:
            told = "unable to get authentication data from OIDC"
            login = await self._identities.registry(obj, obj.spec.provider, repository.host, told=told)
        return Access(login, found.tls, None, obj.spec.insecure)

    async def _material(self, obj: HelmRepository) -> _Material:
        spec = obj.spec
        tls = TlsMaterial()
        type_: str = ""
        data: SecretData = {}
        if spec.cert_secret_ref is not None:
            name = f"{obj.namespace}/{spec.cert_secret_ref.name}"
            try:
                tls = await self._secrets.tls(obj.namespace, spec.cert_secret_ref.name)
            except SecretUnavailable as error:
                raise refused(f"failed to get TLS authentication secret '{name}': {error}") from error
        if spec.secret_ref is not None:
            name = f"{obj.namespace}/{spec.secret_ref.name}"
            try:
                type_, data = await self._secrets.read(obj.namespace, spec.secret_ref.name)
            except SecretUnavailable as error:
                raise refused(f"failed to get authentication secret '{name}': {error}") from error
        legacy = spec.cert_secret_ref is None and any(data.get(key) for key in _LEGACY_TLS)
        try:
            if legacy:
                tls, _ = tls_from_secret(data)
        except SecretError as error:
            raise refused(f"failed to detect authentication methods: {error}") from error
        try:
            check_tls(tls)
        except SecretError as error:
            raise refused(f"failed to construct Helm client's TLS config: {error}") from error
        return _Material(type_, data, tls, legacy)


def _registry_login(name: str, found: _Material, repository: Repository) -> RegistryLogin | None:
    if found.type == _DOCKER_JSON:
        login = Keychain.of([(found.type, found.data)]).login(repository.host, repository.path)
        if login is None:
            raise SecretError(
                f"no auth config for '{repository.host}' in the docker-registry Secret '{name}'"
            )
        return login
    try:
        user = basic_auth(found.data)
    except SecretError as error:
        text = f"invalid '{name}' secret data: required fields 'username' and 'password'"
        raise SecretError(text) from error
    return RegistryLogin(user.username, user.password) if user else None


def _user_info(text: str) -> BasicAuth | None:
    url = URL(text)
    return BasicAuth(url.user, url.password) if url.user and url.password else None
