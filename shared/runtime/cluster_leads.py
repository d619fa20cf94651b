"""What leads to another cluster: the Secret or the ConfigMap that `spec.kubeConfig` names."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final

from shared.api.meta import KubeConfigReference, SecretKeyReference
from shared.auth.cloud import CloudError, User
from shared.auth.remote import (
    Allowed,
    ClusterIdentities,
    Description,
    DescriptionError,
    RemoteEndpoint,
    open_endpoint,
    read_kubeconfig,
)
from shared.auth.secrets import SecretError, secret_data
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError, NoCredentials, NotFound
from shared.kube.resources import Resource
from shared.lang.json import dumps, mapping
from shared.observe.clock import Clock
from shared.runtime.cluster import ClusterTrouble, Opening

_SECRETS: Final = Resource("", "v1", "secrets", "Secret")
_CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
_KEYS: Final = ("value", "value.yaml")


class ClusterUnusable(Exception):
    """Another cluster can't be worked in; the message names what leads there, and the way out."""


class ClusterNotNamed(ClusterUnusable):
    """What should lead there is missing: the Secret, the ConfigMap, or the account that logs in."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What leads to a cluster: its name for messages, a digest of all of it, and how to open it."""

    name: str
    digest: str
    opening: Opening

    def unusable(self, error: ClusterTrouble) -> ClusterUnusable:
        """The error for users; an account that is gone counts as one more thing that should lead there."""
        causes = []
        cause = error.__cause__
        while cause is not None:
            causes.append(cause)
            cause = cause.__cause__
        login = any(isinstance(each, CloudError | NoCredentials) for each in causes)
        gone = login and isinstance(causes[-1], NotFound)
        return (ClusterNotNamed if gone else ClusterUnusable)(f"{self.name}: {error}")


class Leads:
    """Reads what leads to clusters, as the controller itself."""

    def __init__(
        self, client: KubeClient, identities: ClusterIdentities, allowed: Allowed, clock: Clock
    ) -> None:
        self._client = client
        self._identities = identities
        self._allowed = allowed
        self._clock = clock

    async def read(self, reference: KubeConfigReference, user: User) -> Lead:
        """What a reference leads by.

        Raises:
            ClusterUnusable: it can't be used, or is not there (`ClusterNotNamed`).
        """
        if reference.secret_ref is not None:
            return await self._by_secret(reference.secret_ref, user.namespace)
        if reference.config_map_ref is not None:
            return await self._by_config_map(reference.config_map_ref.name, user)
        raise ClusterUnusable("spec.kubeConfig names neither a Secret nor a ConfigMap")

    async def _by_secret(self, reference: SecretKeyReference, namespace: str) -> Lead:
        where = f"{namespace}/{reference.name}"
        try:
            data = secret_data(await self._client.get(_SECRETS, namespace, reference.name))
        except (KubeError, SecretError) as error:
            kind = ClusterNotNamed if isinstance(error, NotFound) else ClusterUnusable
            raise kind(f"unable to read KubeConfig secret '{where}' error: {error}") from error
        key = reference.key or next((key for key in _KEYS if key in data), _KEYS[0])
        text = data.get(key)
        if text is None:
            way_out = (
                "" if reference.key else f"; add it, use '{_KEYS[1]}', or set spec.kubeConfig.secretRef.key"
            )
            raise ClusterUnusable(
                f"KubeConfig secret '{where}' does not contain a '{key}' key with a kubeconfig{way_out}"
            )

        async def opening() -> RemoteEndpoint:
            target = await asyncio.to_thread(read_kubeconfig, text, self._allowed)
            return await open_endpoint(target, self._clock)

        name = f"the cluster of KubeConfig secret '{where}', key '{key}', can't be used"
        return Lead(name, _digest("secret", text), opening)

    async def _by_config_map(self, name: str, user: User) -> Lead:
        where = f"{user.namespace}/{name}"
        try:
            found = await self._client.get(_CONFIG_MAPS, user.namespace, name)
        except KubeError as error:
            kind = ClusterNotNamed if isinstance(error, NotFound) else ClusterUnusable
            raise kind(f"failed to get configmap '{where}': {error}") from error
        data = mapping(found.get("data"))
        prefix = f"the cluster of KubeConfig configmap '{where}' can't be used"
        try:
            description = Description.read(data)
        except DescriptionError as error:
            raise ClusterUnusable(f"{prefix}: {error}") from error

        async def opening() -> RemoteEndpoint:
            target, login = await self._identities.find(description, user)
            # Somebody must be able to log in before it is worth while to connect.
            await login.headers()
            return await open_endpoint(target, self._clock, login)

        # Accounts are those of the namespace, so its name belongs to what makes up the connection.
        return Lead(prefix, _digest("configmap", dumps([user.namespace, data], sort_keys=True)), opening)


def _digest(kind: str, content: bytes) -> str:
    return hashlib.sha256(kind.encode() + b"\0" + content).hexdigest()
