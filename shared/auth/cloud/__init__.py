"""Identities in clouds: whoever runs the controller, or a ServiceAccount, gets in where no Secret says how.

Everything is asked for by plain HTTP, in one or two requests; the libraries of the clouds would take tens of
megabytes for that. What comes back is kept for a part of its life.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final

import aiohttp
from yarl import URL

from shared.auth.cloud.accounts import Account, Accounts, KubernetesToken
from shared.auth.cloud.asking import Asker, CloudError
from shared.auth.cloud.aws import AUDIENCE as AWS_AUDIENCE
from shared.auth.cloud.aws import Aws, AwsKeys, Login, codecommit_region, registry_region, role_of
from shared.auth.cloud.azure import AUDIENCE as AZURE_AUDIENCE
from shared.auth.cloud.azure import DEVOPS_SCOPE, Azure, AzureToken, identity_of
from shared.auth.cloud.cache import LONGEST, TokenCache, User
from shared.auth.cloud.clusters import AKS_SCOPE, ClusterFacts, ClusterToken, ManagedClusters, parse_eks
from shared.auth.cloud.gcp import Gcp, GcpToken, check_registry
from shared.auth.cloud.github import APP_ID, USER, GitHubApp
from shared.auth.registry import RegistryLogin
from shared.auth.secrets import BasicAuth, BearerToken, Credentials, Proxy
from shared.auth.tls import TlsMaterial
from shared.kube.client import KubeClient
from shared.kube.errors import NotFound
from shared.observe.clock import Clock

GATE_CLOSED: Final = (
    "to use spec.serviceAccountName for provider authentication please enable the "
    "ObjectLevelWorkloadIdentity feature gate in the controller"
)

_LOCKED: Final = (
    "the default service account does not exist in the namespace of the object; the cluster is under "
    "multi-tenant workload identity lockdown, ask its administrators"
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
        self.clusters = ManagedClusters(asker, clock, self.aws, self.azure, environment)

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

    async def kubernetes_token(
        self, audiences: Sequence[str], user: User, *, account: str = ""
    ) -> KubernetesToken:
        """A token of a ServiceAccount, without an exchange in any cloud; without one, of the controller's.

        Raises:
            CloudError: the API server gives none.
        """
        who = await self._account(user, account) or await self._accounts.own()

        async def make() -> KubernetesToken:
            return await self._accounts.token_for(who, audiences)

        return await self._cache.get(("kubernetes", str(who), *audiences), make, user)

    async def eks_token(self, cluster: str, user: User, *, account: str = "") -> ClusterToken:
        """A token for a cluster of AWS.

        Raises:
            CloudError: nobody gives one.
        """
        region, _ = parse_eks(cluster)
        who = await self._account(user, account)

        async def make() -> ClusterToken:
            return self.clusters.eks_token(cluster, await self._aws_keys(who, region, "", None))

        return await self._cache.get((*_identity(Cloud.AWS, who), "cluster", cluster), make, user)

    async def cluster(
        self, cloud: Cloud, cluster: str, user: User, *, address: str = "", account: str = ""
    ) -> ClusterFacts:
        """What a cloud says of a cluster of its own.

        Raises:
            CloudError: it says nothing.
        """
        match cloud:
            case Cloud.AWS:
                region, _ = parse_eks(cluster)
                return await self.clusters.eks(
                    cluster, await self.aws_keys(user, region=region, account=account)
                )
            case Cloud.AZURE:
                scope = self.clusters.aks_manager_scope()
                token = await self.azure_token(scope, user, account=account)
                return await self.clusters.aks(cluster, address, token)
            case Cloud.GCP:
                return await self.clusters.gke(cluster, await self.gcp_token(user, account=account))

    async def gcp_key_token(self, key: bytes, user: User, *, proxy: Proxy | None = None) -> GcpToken:
        """A token for the key of a service account, or the credentials of a user, that stand in a Secret.

        Raises:
            CloudError: it is none, or Google gives no token.
        """
        parts = (Cloud.GCP, "key", hashlib.sha256(key).hexdigest(), _way(proxy))
        return await self._cache.get(parts, lambda: self.gcp.key_token(key, "the key", proxy=proxy), user)

    def refused(self, token: str) -> None:
        """Somebody did not take a token before its end; the next one who asks gets another."""
        self._cache.forget(lambda kept: getattr(kept, "token", None) == token)

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

    async def github_slug(self, app: GitHubApp, *, proxy: Proxy | None, tls: TlsMaterial) -> str:
        """The name of an app in addresses and logins.

        Raises:
            CloudError: GitHub doesn't tell.
        """
        return await app.slug(self._asker, self._clock, proxy=proxy, tls=tls)

    async def _account(self, user: User, name: str) -> Account | None:
        """The ServiceAccount that counts, if any."""
        wanted = name or self.default_account
        if not wanted:
            return None
        try:
            return await self._accounts.read(user.namespace, wanted)
        except CloudError as error:
            if name or not isinstance(error.__cause__, NotFound):
                raise
            raise CloudError(
                f"failed to get service account '{user.namespace}/{wanted}': {_LOCKED}"
            ) from error

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
    "AKS_SCOPE",
    "APP_ID",
    "DEVOPS_SCOPE",
    "GATE_CLOSED",
    "Account",
    "AwsKeys",
    "AzureToken",
    "Cloud",
    "CloudError",
    "Clouds",
    "ClusterFacts",
    "GcpToken",
    "GitHubApp",
    "KubernetesToken",
    "TokenCache",
    "User",
]
