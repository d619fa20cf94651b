"""Secrets as controllers read them: straight from the API server when they are needed; nothing is kept."""

from __future__ import annotations

from typing import Final

from shared.auth.secrets import Proxy, SecretData, SecretError, proxy_from_secret, secret_data
from shared.auth.tls import TlsMaterial, tls_from_secret
from shared.kube.client import KubeClient
from shared.kube.errors import ApiError
from shared.kube.resources import Resource
from shared.lang.json import mappings

_SECRETS: Final = Resource("", "v1", "secrets", "Secret")
_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")


class SecretUnavailable(Exception):
    """A Secret or ServiceAccount isn't there, or can't be used; names it, and never shows a value."""


class Secrets:
    """The Secrets of all namespaces."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def read(self, namespace: str, name: str) -> tuple[str, SecretData]:
        """The type and the data of a Secret.

        Raises:
            SecretUnavailable: it isn't there or can't be read.
        """
        try:
            secret = await self._client.get(_SECRETS, namespace, name)
            return str(secret.get("type") or ""), secret_data(secret)
        except ApiError as error:
            text = f"failed to get secret '{namespace}/{name}': {error.message}"
            raise SecretUnavailable(text) from error
        except SecretError as error:
            raise SecretUnavailable(f"secret '{namespace}/{name}': {error}") from error

    async def proxy(self, namespace: str, name: str) -> Proxy:
        """The proxy that a Secret describes.

        Raises:
            SecretUnavailable: it isn't there or describes none.
        """
        _, data = await self.read(namespace, name)
        try:
            return proxy_from_secret(data)
        except SecretError as error:
            raise SecretUnavailable(f"secret '{namespace}/{name}': {error}") from error

    async def tls(self, namespace: str, name: str) -> TlsMaterial:
        """The TLS material of a Secret that is there for nothing else.

        Raises:
            SecretUnavailable: it isn't there or has none.
        """
        _, data = await self.read(namespace, name)
        try:
            return tls_from_secret(data)[0]
        except SecretError as error:
            raise SecretUnavailable(f"secret '{namespace}/{name}': {error}") from error

    async def pull_secrets(self, namespace: str, account: str) -> list[str]:
        """The names of the image pull Secrets of a ServiceAccount.

        Raises:
            SecretUnavailable: the account isn't there.
        """
        try:
            found = await self._client.get(_ACCOUNTS, namespace, account)
        except ApiError as error:
            text = f"serviceaccount '{namespace}/{account}' not found: {error.message}"
            raise SecretUnavailable(text) from error
        names = [reference.get("name") for reference in mappings(found.get("imagePullSecrets"))]
        return [name for name in names if isinstance(name, str)]
