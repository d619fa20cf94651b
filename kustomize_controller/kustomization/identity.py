"""As whom a Kustomization is applied."""

from __future__ import annotations

from typing import Final

from shared.api.kustomize_v1 import Kustomization
from shared.kube.client import KubeClient, exists
from shared.kube.resources import Resource

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")


class Identities:
    """Clients that act for Kustomizations: the controller's own, or an account of the object's namespace."""

    def __init__(self, client: KubeClient, default_account: str) -> None:
        self._client = client
        self._default_account = default_account

    def account(self, obj: Kustomization) -> str:
        """Name of the account to impersonate, or nothing."""
        return obj.spec.service_account_name or self._default_account

    def acting_for(self, obj: Kustomization) -> KubeClient:
        """The client for everything that is done for the object's tenant."""
        account = self.account(obj)
        return self._client.impersonate(f"system:serviceaccount:{obj.namespace}:{account}" if account else "")

    async def exists(self, obj: Kustomization) -> bool:
        """Whether the account is there; without it nothing can be done for the tenant any more."""
        account = self.account(obj)
        return not account or await exists(self._client, ACCOUNTS, obj.namespace, account)
