"""As whom, and in which cluster, an object is worked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from shared.api.meta import KubeConfigReference
from shared.auth.cloud import User
from shared.kube.client import KubeClient, exists
from shared.kube.errors import Forbidden
from shared.kube.resources import Resource
from shared.runtime.clusters import Clusters
from shared.runtime.turn import Turn

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")


class _NamesIdentity(Protocol):
    @property
    def service_account_name(self) -> str | None:
        """Account in the namespace of the object."""

    @property
    def kube_config(self) -> KubeConfigReference | None:
        """What leads to another cluster."""


class ActsAsAccount(Protocol):
    """An object whose spec may name an account to impersonate, and another cluster."""

    @property
    def namespace(self) -> str:
        """Namespace of the object."""

    @property
    def name(self) -> str:
        """Name of the object."""

    @property
    def spec(self) -> _NamesIdentity:
        """What names the account and the cluster."""


class Identities:
    """Clients that act for objects: as the controller or as an account, in this cluster or in another."""

    def __init__(
        self, client: KubeClient, default_account: str, clusters: Clusters, *, kind: str, operation: str
    ) -> None:
        """Kind and operation are those that metrics of tokens tell of."""
        self._client = client
        self._default_account = default_account
        self._clusters = clusters
        self._kind = kind
        self._operation = operation

    def account(self, obj: ActsAsAccount) -> str:
        """Name of the account to impersonate, or nothing."""
        return obj.spec.service_account_name or self._default_account

    @asynccontextmanager
    async def working_for(self, obj: ActsAsAccount, turn: Turn[Any]) -> AsyncIterator[KubeClient]:
        """The client for everything that is done for the object's tenant, while the block lasts.

        Raises:
            ClusterUnusable: the other cluster can't be worked in.
        """
        account = self.account(obj)
        user = f"system:serviceaccount:{obj.namespace}:{account}" if account else ""
        if obj.spec.kube_config is None:
            yield self._client.impersonate(user)
            return
        who = User(self._kind, obj.namespace, obj.name, self._operation)
        async with self._clusters.entered(obj.spec.kube_config, who, turn) as client:
            yield client.impersonate(user)

    async def exists(self, obj: ActsAsAccount, client: KubeClient) -> bool:
        """Whether the account is there, in the cluster of the client; without it nothing can be done.

        Where nobody may look in another cluster, it is believed to be.
        """
        account = self.account(obj)
        try:
            return not account or await exists(client.itself, ACCOUNTS, obj.namespace, account)
        except Forbidden:
            if obj.spec.kube_config is None:
                raise
            return True
