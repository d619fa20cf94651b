"""ServiceAccounts that stand for an identity in a cloud: what their annotations say, and tokens of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from shared.auth.cloud.asking import CloudError
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import Resource
from shared.lang.json import mapping

_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
_REVIEWS: Final = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)
_USER: Final = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount."""

    namespace: str
    name: str
    annotations: dict[str, str]

    def __str__(self) -> str:
        """For messages."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class KubernetesToken:
    """What stands for a ServiceAccount for a while."""

    token: str = field(repr=False)
    expires_at: datetime


class Accounts:
    """Reads ServiceAccounts and speaks for them."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._own: Account | None = None

    async def read(self, namespace: str, name: str) -> Account:
        """A ServiceAccount.

        Raises:
            CloudError: it isn't there.
        """
        try:
            found = await self._client.get(_ACCOUNTS, namespace, name)
        except KubeError as error:
            raise CloudError(f"failed to get service account '{namespace}/{name}': {error}") from error
        annotations = mapping(mapping(found.get("metadata")).get("annotations"))
        return Account(namespace, name, {key: str(value) for key, value in annotations.items()})

    async def own(self) -> Account:
        """The ServiceAccount of the controller itself.

        Raises:
            CloudError: it has none, or the API server does not say.
        """
        if self._own is None:
            review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
            try:
                answer = await self._client.create(_REVIEWS, review)
            except KubeError as error:
                raise CloudError(f"the API server does not say who the controller is: {error}") from error
            info = mapping(mapping(answer.get("status")).get("userInfo"))
            name = str(info.get("username") or "")
            namespace, colon, account = name.removeprefix(_USER).partition(":")
            if not name.startswith(_USER) or not colon:
                raise CloudError(
                    "the controller does not run as a ServiceAccount, of which a token can be had"
                )
            self._own = Account(namespace, account, {})
        return self._own

    async def token(self, account: Account, audience: str) -> str:
        """A token of an account for somebody.

        Raises:
            CloudError: the API server gives none.
        """
        return (await self.token_for(account, (audience,))).token

    async def token_for(self, account: Account, audiences: Sequence[str]) -> KubernetesToken:
        """A token of an account for somebody, with its end.

        Raises:
            CloudError: the API server gives none.
        """
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": list(audiences)},
        }
        try:
            answer = await self._client.create_sub(
                _ACCOUNTS, account.namespace, account.name, "token", request
            )
        except KubeError as error:
            text = f"failed to create kubernetes token for service account '{account}': {error}"
            raise CloudError(text) from error
        status = mapping(answer.get("status"))
        token = status.get("token")
        if not isinstance(token, str) or not token:
            raise CloudError(f"the API server gave no token for service account '{account}'")
        return KubernetesToken(token, _time(status.get("expirationTimestamp")))


def _time(text: object) -> datetime:
    """When a token ends; one that doesn't say so is not to be kept."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
