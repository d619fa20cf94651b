"""ServiceAccounts that stand for an identity in a cloud: what their annotations say, and tokens of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.auth.cloud.asking import CloudError
from shared.kube.client import KubeClient
from shared.kube.errors import ApiError
from shared.kube.resources import Resource
from shared.lang.json import mapping

_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount."""

    namespace: str
    name: str
    annotations: dict[str, str]

    def __str__(self) -> str:
        """For messages."""
        return f"{self.namespace}/{self.name}"


class Accounts:
    """Reads ServiceAccounts and speaks for them."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def read(self, namespace: str, name: str) -> Account:
        """A ServiceAccount.

        Raises:
            CloudError: it isn't there.
        """
        try:
            found = await self._client.get(_ACCOUNTS, namespace, name)
        except ApiError as error:
            raise CloudError(
                f"failed to get service account '{namespace}/{name}': {error.message}"
            ) from error
        annotations = mapping(mapping(found.get("metadata")).get("annotations"))
        return Account(namespace, name, {key: str(value) for key, value in annotations.items()})

    async def token(self, account: Account, audience: str) -> str:
        """A token of an account for somebody.

        Raises:
            CloudError: the API server gives none.
        """
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience]},
        }
        try:
            answer = await self._client.create_sub(
                _ACCOUNTS, account.namespace, account.name, "token", request
            )
        except ApiError as error:
            text = f"failed to create kubernetes token for service account '{account}': {error.message}"
            raise CloudError(text) from error
        token = mapping(answer.get("status")).get("token")
        if not isinstance(token, str) or not token:
            raise CloudError(f"the API server gave no token for service account '{account}'")
        return token
