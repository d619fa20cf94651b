"""Identities in clouds, for sources: a gate before those of single objects, and what is told of failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.api.meta import CustomResource
from shared.auth import Proxy, RegistryLogin
from shared.auth.cloud import (
    GATE_CLOSED,
    AwsKeys,
    AzureToken,
    Cloud,
    CloudError,
    Clouds,
    GcpToken,
    User,
)
from source_controller.secrets import refused


class GateClosed(Exception):
    """An object may not have an identity of its own here; str() says what to do."""

    def __init__(self) -> None:
        super().__init__(GATE_CLOSED)


class Identities:
    """Asks clouds for what objects need."""

    def __init__(self, clouds: Clouds, *, object_level: bool) -> None:
        """`object_level` says whether objects may have identities of their own."""
        self._clouds = clouds
        self._object_level = object_level

    def check(self, account: str | None) -> None:
        """Refuses an account where objects have none of their own.

        Raises:
            GateClosed: they have none.
        """
        if account and not self._object_level:
            raise GateClosed

    async def registry(
        self,
        obj: CustomResource,
        provider: str,
        host: str,
        *,
        account: str | None = None,
        proxy: Proxy | None = None,
        told: str = "",
    ) -> RegistryLogin:
        """The login for a registry.

        Raises:
            GateClosed: the object names an account, and may not.
            Failure: nobody gives a login; `told` is how the message begins.
        """
        self.check(account)
        async with _failures(told or f"failed to get credential from {provider}"):
            return await self._clouds.registry_login(
                Cloud(provider), host, user_of(obj), account=account or "", proxy=proxy
            )

    async def aws(
        self,
        obj: CustomResource,
        *,
        region: str,
        account: str | None,
        endpoint: str = "",
        proxy: Proxy | None = None,
    ) -> AwsKeys:
        """Keys of AWS; raises as `registry` does."""
        self.check(account)
        async with _failures("AWS authentication failed"):
            return await self._clouds.aws_keys(
                user_of(obj), region=region, account=account or "", endpoint=endpoint, proxy=proxy
            )

    def has_account(self, account: str | None) -> bool:
        """Whether an object acts as a ServiceAccount, its own or that of all who name none."""
        return bool(account or self._clouds.default_account)

    async def azure(
        self, obj: CustomResource, scope: str, *, account: str | None, proxy: Proxy | None
    ) -> AzureToken:
        """A token of Azure; raises as `registry` does."""
        self.check(account)
        async with _failures("Azure authentication failed"):
            return await self._clouds.azure_token(scope, user_of(obj), account=account or "", proxy=proxy)

    async def gcp(self, obj: CustomResource, *, account: str | None, proxy: Proxy | None) -> GcpToken:
        """A token of Google Cloud; raises as `registry` does."""
        self.check(account)
        async with _failures("Google Cloud authentication failed"):
            return await self._clouds.gcp_token(user_of(obj), account=account or "", proxy=proxy)


def user_of(obj: CustomResource) -> User:
    """The object, for metrics."""
    return User(obj.KIND, obj.namespace, obj.name)


@asynccontextmanager
async def _failures(prefix: str) -> AsyncIterator[None]:
    try:
        yield
    except CloudError as error:
        raise refused(f"{prefix}: {error}") from error
