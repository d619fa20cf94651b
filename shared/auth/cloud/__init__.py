"""Identities in clouds: whoever runs the controller, or a ServiceAccount, gets in where no Secret says how.

Everything is asked for by plain HTTP, in one or two requests; the libraries of the clouds would take tens of
megabytes for that. What comes back is kept for a part of its life.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

import aiohttp
from yarl import URL

from shared.auth.cloud.accounts import Account, Accounts
from shared.auth.cloud.asking import Asker, CloudError
from shared.auth.cloud.aws import AUDIENCE as AWS_AUDIENCE
from shared.auth.cloud.aws import Aws, AwsKeys, Login, codecommit_region, registry_region, role_of
from shared.auth.cloud.azure import AUDIENCE as AZURE_AUDIENCE
from shared.auth.cloud.azure import DEVOPS_SCOPE, Azure, AzureToken, identity_of
from shared.auth.cloud.cache import LONGEST, TokenCache, User
from shared.auth.cloud.gcp import Gcp, GcpToken, check_registry
from shared.auth.cloud.github import APP_ID, USER, GitHubApp
from shared.auth.registry import RegistryLogin
from shared.auth.secrets import BasicAuth, BearerToken, Credentials, Proxy
from shared.auth.tls import TlsMaterial
from shared.kube.client import KubeClient
from shared.observe.clock import Clock

GATE_CLOSED: Final = (
    "to use spec.serviceAccountName for provider authentication please enable the "
    "ObjectLevelWorkloadIdentity feature gate in the controller"
)


class Cloud(StrEnum):
    """Who gives tokens."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"


class Clouds:
    """Gets tokens, and keeps them for a while."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        client: KubeClient,
        clock: Clock,
        *,
        kept: int = 100,
        longest: timedelta = LONGEST,
        default_account: str = "",
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """`kept` is a number of tokens; `default_account` stands for objects that name none."""
        asker = Asker(session)
        self._asker = asker
        self._clock = clock
        self._accounts = Accounts(client)
        self._cache = TokenCache(clock, kept, longest)
        self.default_account = default_account
        self.aws = Aws(asker, clock, environment)
        self.azure = Azure(asker, clock, environment)
        self.gcp = Gcp(asker, clock, environment)

    async def registry_login(
        self, cloud: Cloud, host: str, user: User, *, account: str = "", proxy: Proxy | None = None
    ) -> RegistryLogin:
        """The login for a registry, of an account in the namespace of the user or else of the controller.

        Raises:
            CloudError: nobody gives one, or the registry is none of this cloud.
        """
        match cloud:
            case Cloud.AWS:
                region = registry_region(host)
            case Cloud.AZURE:
                region = self.azure.registry_scope(host)
            case Cloud.GCP:
                check_registry(host)
                region = ""
        who = await self._account(user, account)
        parts = (*_identity(cloud, who), "registry", host, region, _way(proxy))

        async def make() -> Login:
            if cloud is Cloud.AWS:
                keys = await self._aws_keys(who, region, "", proxy)
                return await self.aws.registry_login(host, keys, proxy=proxy)
            if cloud is Cloud.AZURE:
                return await self.azure.registry_login(
                    host, await self._azure_token(who, region, proxy), proxy=proxy
                )
            return (await self._gcp_token(who, proxy)).login

        return (await self._cache.get(parts, make, user)).registry

    async def git_credentials(
        self, cloud: Cloud, url: URL, user: User, *, account: str = "", proxy: Proxy | None = None
    ) -> Credentials:
        """Who logs in at a Git server: in CodeCommit a signature of the address, in Azure a token.

        Raises:
            CloudError: nobody gives any, or the address is none of this cloud.
        """
        address = url.with_user(None)
        if cloud is Cloud.AWS:
            region = codecommit_region(address)
            who = await self._account(user, account)

            async def sign() -> Login:
                return self.aws.git_login(address, await self._aws_keys(who, region, "", proxy))

            parts = (*_identity(cloud, who), "git", str(address), region, _way(proxy))
            return (await self._cache.get(parts, sign, user)).basic
        if cloud is not Cloud.AZURE:
            raise CloudError(f"the provider {cloud} has no Git servers")
        return BearerToken((await self.azure_token(DEVOPS_SCOPE, user, account=account, proxy=proxy)).token)

    async def aws_keys(
        self,
        user: User,
        *,
        region: str = "",
        account: str = "",
        endpoint: str = "",
        proxy: Proxy | None = None,
    ) -> AwsKeys:
        """The keys for a bucket; `endpoint` is that of the service that gives them.

        Raises:
            CloudError: nobody gives any.
        """
        who = await self._account(user, account)

        async def make() -> AwsKeys:
            return await self._aws_keys(who, region, endpoint, proxy)

        parts = (*_identity(Cloud.AWS, who), region, endpoint, _way(proxy))
        return await self._cache.get(parts, make, user)

    async def azure_token(
        self, scope: str, user: User, *, account: str = "", proxy: Proxy | None = None
    ) -> AzureToken:
        """A token for something in Azure.

        Raises:
            CloudError: nobody gives one.
        """
        who = await self._account(user, account)

        async def make() -> AzureToken:
            return await self._azure_token(who, scope, proxy)

        return await self._cache.get((*_identity(Cloud.AZURE, who), scope, _way(proxy)), make, user)

    async def gcp_token(self, user: User, *, account: str = "", proxy: Proxy | None = None) -> GcpToken:
        """A token for something in Google Cloud.

        Raises:
            CloudError: nobody gives one.
        """
        who = await self._account(user, account)

        async def make() -> GcpToken:
            return await self._gcp_token(who, proxy)

        return await self._cache.get((*_identity(Cloud.GCP, who), "token", _way(proxy)), make, user)

    async def github(self, app: GitHubApp, user: User, *, proxy: Proxy | None, tls: TlsMaterial) -> BasicAuth:
        """Who logs in for an installation of an app.

        Raises:
            CloudError: GitHub gives no token.
        """
        parts = ("github", app.fingerprint)
        token = await self._cache.get(
            parts, lambda: app.token(self._asker, self._clock, proxy=proxy, tls=tls), user
        )
        return BasicAuth(USER, token.token)

    async def _account(self, user: User, name: str) -> Account | None:
        """The ServiceAccount that counts, if any."""
        wanted = name or self.default_account
        return await self._accounts.read(user.namespace, wanted) if wanted else None

    async def _aws_keys(
        self, who: Account | None, region: str, endpoint: str, proxy: Proxy | None
    ) -> AwsKeys:
        if who is None:
            return await self.aws.machine_keys()
        role_of(who)  # what can't be right isn't worth a token
        token = await self._accounts.token(who, AWS_AUDIENCE)
        return await self.aws.account_keys(who, token, region, endpoint=endpoint, proxy=proxy)

    async def _azure_token(self, who: Account | None, scope: str, proxy: Proxy | None) -> AzureToken:
        if who is None:
            return await self.azure.machine_token(scope, proxy=proxy)
        identity_of(who)
        token = await self._accounts.token(who, AZURE_AUDIENCE)
        return await self.azure.account_token(who, token, scope, proxy=proxy)

    async def _gcp_token(self, who: Account | None, proxy: Proxy | None) -> GcpToken:
        if who is None:
            return await self.gcp.machine_token(proxy=proxy)
        exchange = await self.gcp.exchange(who)
        token = await self._accounts.token(who, exchange.asked_for)
        return await self.gcp.account_token(exchange, token, proxy=proxy)


def _identity(cloud: Cloud, who: Account | None) -> tuple[str, ...]:
    """What tells one identity from another; the annotations of an account say whom it stands for."""
    if who is None:
        return (cloud, "controller")
    said = [f"{key}={value}" for key, value in sorted(who.annotations.items()) if "/" in key]
    return (cloud, str(who), *said)


def _way(proxy: Proxy | None) -> str:
    if proxy is None:
        return ""
    return f"{proxy.address} {proxy.login.header if proxy.login else ''}"


__all__ = [
    "APP_ID",
    "GATE_CLOSED",
    "Account",
    "AwsKeys",
    "AzureToken",
    "Cloud",
    "CloudError",
    "Clouds",
    "GcpToken",
    "GitHubApp",
    "TokenCache",
    "User",
]
