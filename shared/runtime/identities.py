"""As whom an object is worked for."""

from __future__ import annotations

from typing import Final, Protocol

from shared.kube.client import KubeClient, exists
from shared.kube.resources import Resource

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")


class _NamesAccount(Protocol):
    @property
    def service_account_name(self) -> str | None:
        """Account in the namespace of the object."""


class ActsAsAccount(Protocol):
    """An object whose spec may name an account to impersonate."""

    @property
    def namespace(self) -> str:
        """Namespace of the object."""

    @property
    def spec(self) -> _NamesAccount:
        """What names the account."""


class Identities:
    """Clients that act for objects: the controller's own, or an account of the object's namespace."""

    def __init__(self, client: KubeClient, default_account: str) -> None:
        self._client = client
        self._default_account = default_account

    def account(self, obj: ActsAsAccount) -> str:
        """Name of the account to impersonate, or nothing."""
        return obj.spec.service_account_name or self._default_account

    def acting_for(self, obj: ActsAsAccount) -> KubeClient:
        """The client for everything that is done for the object's tenant."""
        account = self.account(obj)
        return self._client.impersonate(f"system:serviceaccount:{obj.namespace}:{account}" if account else "")

    async def exists(self, obj: ActsAsAccount) -> bool:
        """Whether the account is there; without it nothing can be done for the tenant any more."""
        account = self.account(obj)
        return not account or await exists(self._client, ACCOUNTS, obj.namespace, account)
