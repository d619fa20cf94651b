"""From a GitRepository to a remote: address, proxy, and who logs in by its Secret or by a cloud.

Nothing secret is kept but tokens of clouds. The Secrets are in the namespace of the GitRepository; whose
identity is used in a cloud depends on who asks.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final

from shared.api.source_v1 import GitRepository
from shared.api.source_v1.git import GitProvider
from shared.auth import (
    Credentials,
    Proxy,
    SecretData,
    SecretError,
    Secrets,
    SecretUnavailable,
    check_tls,
)
from shared.auth.cloud import APP_ID, GATE_CLOSED, Cloud, CloudError, Clouds, GitHubApp, User
from shared.git.remote import Remote
from shared.git.ssh import EncryptedIdentity

_IDENTITY: Final = "identity"
_LOGIN: Final = frozenset(("username", "password", "bearerToken"))
_NO_APP: Final = "secretRef with github app data must be specified when provider is set to github"
_OPTIONS: Final = "failed to configure authentication options"


class AccessRefused(Exception):
    """A Secret is missing or can't be used, or a cloud gives nothing; that may change later."""


class InvalidProvider(Exception):
    """The provider and the Secret don't fit together; `final` if only an edit of the object helps."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class UnusableApp(InvalidProvider):
    """A Secret has app data of GitHub that is not what it should be."""


class IdentityRefused(Exception):
    """The object asks for an identity of its own in a cloud, and may not have one."""

    def __init__(self) -> None:
        super().__init__(GATE_CLOSED)


class ConfiguredRemotes:
    """Reads the Secrets of remotes, and asks clouds."""

    def __init__(self, secrets: Secrets, clouds: Clouds, *, object_level: bool) -> None:
        """`object_level` says whether objects may have identities of their own."""
        self._secrets = secrets
        self._clouds = clouds
        self._object_level = object_level

    async def open(self, obj: GitRepository, user: User) -> Remote:
        """The remote of a GitRepository, for somebody in whose namespace accounts are looked for.

        Raises:
            AccessRefused, InvalidProvider, UnusableApp, IdentityRefused: see there.
            InvalidRemote: the address is none.
        """
        provider = obj.spec.provider or GitProvider.GENERIC
        if provider is GitProvider.GITHUB and obj.spec.secret_ref is None:
            raise InvalidProvider(_NO_APP, final=True)
        if obj.spec.service_account_name and not self._object_level:
            raise IdentityRefused
        proxy = await self._proxy(obj)
        secret = await self._secret(obj)
        if provider is GitProvider.GENERIC:
            return await _parsed(obj, secret, proxy)
        app = await _app(secret) if provider is GitProvider.GITHUB else None
        remote = await _parsed(obj, _without_login(secret), proxy)
        try:
            login = await self._login(obj, user, remote, app)
        except CloudError as error:
            raise AccessRefused(f"{_OPTIONS}: {error}") from error
        return replace(remote, credentials=login)

    async def _login(
        self, obj: GitRepository, user: User, remote: Remote, app: GitHubApp | None
    ) -> Credentials:
        if app is not None:
            return await self._clouds.github(app, user, proxy=remote.proxy, tls=remote.tls)
        account = obj.spec.service_account_name or ""
        return await self._clouds.git_credentials(
            Cloud(obj.spec.provider or ""), remote.url, user, account=account, proxy=remote.proxy
        )

    async def _proxy(self, obj: GitRepository) -> Proxy | None:
        if obj.spec.proxy_secret_ref is None:
            return None
        try:
            return await self._secrets.proxy(obj.namespace, obj.spec.proxy_secret_ref.name)
        except SecretUnavailable as error:
            raise AccessRefused(f"failed to configure proxy options: {error}") from error

    async def _secret(self, obj: GitRepository) -> SecretData | None:
        if obj.spec.secret_ref is None:
            return None
        name = obj.spec.secret_ref.name
        try:
            _, data = await self._secrets.read(obj.namespace, name)
        except SecretUnavailable as error:
            raise AccessRefused(str(error)) from error
        if APP_ID in data and obj.spec.provider is not GitProvider.GITHUB:
            raise InvalidProvider(
                f"secretRef '{obj.namespace}/{name}' has github app data but provider is not set to github"
            )
        return data


async def _parsed(obj: GitRepository, secret: SecretData | None, proxy: Proxy | None) -> Remote:
    parse = partial(Remote.parse, obj.spec.url, secret, proxy=proxy, timeout=obj.spec.timeout)
    try:
        remote = await asyncio.to_thread(parse) if secret and _IDENTITY in secret else parse()
        check_tls(remote.tls)
        return remote
    except EncryptedIdentity as error:
        where = f"{obj.namespace}/{obj.spec.secret_ref.name if obj.spec.secret_ref else ''}"
        raise AccessRefused(f"{_OPTIONS}: {error} '{where}'") from error
    except SecretError as error:
        raise AccessRefused(f"{_OPTIONS}: {error}") from error


async def _app(secret: SecretData | None) -> GitHubApp:
    if not secret or APP_ID not in secret:
        raise InvalidProvider(_NO_APP)
    try:
        return await asyncio.to_thread(GitHubApp.read, secret)
    except SecretError as error:
        raise UnusableApp(str(error)) from error


def _without_login(secret: SecretData | None) -> SecretData | None:
    """What a Secret says beside who logs in; clouds know that better."""
    return {key: value for key, value in secret.items() if key not in _LOGIN} if secret else None
