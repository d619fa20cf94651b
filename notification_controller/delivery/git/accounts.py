"""Who logs in at a Git host, by what the Secret of a Provider holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Trouble, Unusable
from shared.api.notification_v1beta3 import Provider
from shared.auth import BasicAuth, BearerToken, SecretError
from shared.auth.cloud import APP_ID, DEVOPS_SCOPE, Clouds, GitHubApp, User

_POST = "post"


def token_of(access: Access, host: str) -> str:
    """The token, or the password in its place.

    Raises:
        Unusable: there is neither.
    """
    token = access.bearer or access.password
    if not token:
        raise Unusable(f"{host} token cannot be empty: the Secret of spec.secretRef needs the key 'token'")
    return token


def pair_of(access: Access) -> BasicAuth:
    """The user and password that a token of Bitbucket consists of.

    Raises:
        Unusable: it is no such token.
    """
    user, colon, password = token_of(access, "bitbucket").partition(":")
    if not colon or not user or not password or ":" in password:
        raise Unusable("invalid token format, expected to be <user>:<password>")
    return BasicAuth(user, password)


def server_login(access: Access) -> str:
    """The header for a Bitbucket server.

    Raises:
        Unusable: nobody logs in.
    """
    found = BearerToken(access.bearer) if access.bearer else access.login
    if found is None:
        raise Unusable("invalid credentials, expected to be one of username/password or API Token")
    return found.header


@dataclass(frozen=True, slots=True)
class DevOpsAccount:
    """An account at Azure DevOps: a personal token, or an identity."""

    access: Access = field(repr=False)
    clouds: Clouds = field(repr=False)

    async def header(self) -> str:
        """What logs in now."""
        access = self.access
        if access.bearer:
            return BasicAuth("", access.bearer).header
        token = await self.clouds.azure_token(
            DEVOPS_SCOPE, user_of(access), account=access.account, proxy=access.way.proxy
        )
        return BearerToken(token.token).header


@dataclass(frozen=True, slots=True)
class GitHubAccount:
    """An account at GitHub: a token, or the installation of an app."""

    access: Access = field(repr=False)
    clouds: Clouds = field(repr=False)

    def __post_init__(self) -> None:
        """Refuses Secrets without either."""
        if not self.token and APP_ID not in self.access.secret:
            raise Unusable("github token or github app details must be specified")

    @property
    def token(self) -> str:
        """The token, which may be given as a password; empty for an app."""
        return self.access.bearer or self.access.password

    @property
    def key(self) -> str:
        """What tells this account from all others; secret."""
        return self.token or "\0".join(f"{key}={value.hex()}" for key, value in self.access.secret.items())

    async def header(self) -> str:
        """What logs in now.

        Raises:
            Trouble: what the Secret says about the app can't be used.
        """
        if self.token:
            return BearerToken(self.token).header
        way = self.access.way
        login = await self.clouds.github(
            await self._app(), user_of(self.access), proxy=way.proxy, tls=way.tls
        )
        return BearerToken(login.password).header

    async def bot(self) -> str:
        """The login of an app; empty for a token, of which only GitHub knows whose it is."""
        if self.token:
            return ""
        way = self.access.way
        return f"{await self.clouds.github_slug(await self._app(), proxy=way.proxy, tls=way.tls)}[bot]"

    async def _app(self) -> GitHubApp:
        try:
            return await asyncio.to_thread(GitHubApp.read, self.access.secret)
        except SecretError as error:
            raise Trouble(str(error)) from None


def user_of(access: Access) -> User:
    """The Provider, for metrics of tokens."""
    return User(Provider.KIND, access.namespace, access.name, _POST)
