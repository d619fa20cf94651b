"""Identities that log in at other clusters: what has to be known of a cluster, and tokens for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.auth.cloud import AKS_SCOPE, Cloud, CloudError, Clouds, User
from shared.auth.remote.description import Description, Provider, canonical
from shared.auth.remote.kubeconfig import Target
from shared.auth.remote.logins import TokenLogin
from shared.auth.tls import TlsMaterial
from shared.observe.clock import Clock

GATE_CLOSED: Final = (
    "a ServiceAccount that logs in at another cluster needs the feature gate ObjectLevelWorkloadIdentity "
    "of the controller"
)


@dataclass(frozen=True, slots=True)
class ClusterIdentities:
    """Finds clusters that are described, and who logs in there."""

    clouds: Clouds
    clock: Clock
    #: Whether objects may name ServiceAccounts.
    object_level: bool

    async def find(self, description: Description, user: User) -> tuple[Target, TokenLogin]:
        """The target of a description, and its login.

        Raises:
            CloudError: nobody knows the cluster or gives tokens for it.
            DescriptionError: a value can't be used.
        """
        if (description.account or self.clouds.default_account) and not self.object_level:
            raise CloudError(GATE_CLOSED)
        server, material, ask_for = await self._found(description, user)
        return Target(server, tls=material), TokenLogin(ask_for, self.clouds.refused, self.clock)

    async def _found(
        self, description: Description, user: User
    ) -> tuple[str, TlsMaterial, Callable[[], Awaitable[str]]]:
        account = description.account

        async def token() -> str:
            match description.provider:
                case Provider.GENERIC:
                    audiences = description.audiences or (description.address,)
                    return (await self.clouds.kubernetes_token(audiences, user, account=account)).token
                case Provider.AWS:
                    return (await self.clouds.eks_token(description.cluster, user, account=account)).token
                case Provider.AZURE:
                    return (await self.clouds.azure_token(AKS_SCOPE, user, account=account)).token
                case Provider.GCP:
                    return (await self.clouds.gcp_token(user, account=account)).token

        address, material = description.address, description.material
        if description.provider is not Provider.GENERIC and not (address and material):
            facts = await self.clouds.cluster(
                Cloud(description.provider), description.cluster, user, address=address, account=account
            )
            address = address or facts.address
            material = material or TlsMaterial(facts.authorities)
        return canonical(address), material, token
