"""From a GitRepository to a remote: address, and the credentials of its Secret."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from shared.api.source_v1 import GitRepository
from shared.auth.secrets import SecretData, SecretError, secret_data
from shared.git import EncryptedIdentity, InvalidRemote, Remote
from shared.kube.client import KubeClient
from shared.kube.errors import ApiError
from shared.kube.resources import Resource
from shared.runtime.outcome import Failure, Stalled
from source_controller.artifacts import FETCH_FAILED, CommonReason
from source_controller.git_repository.conditions import Reason

_SECRETS: Final = Resource("", "v1", "secrets", "Secret")
_APP_ID: Final = "githubAppID"
_IDENTITY: Final = "identity"


class Remotes:
    """Reads Secrets straight from the API server, at each turn; nothing secret is kept."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def open(self, obj: GitRepository) -> Remote | Stalled:
        """The remote; `Stalled` when its address is none.

        Raises:
            Failure: the Secret is missing or can't be used; it may come or change later.
        """
        secret = await self._secret(obj)
        parse = partial(Remote.parse, obj.spec.url, secret, timeout=obj.spec.timeout)
        try:
            return await asyncio.to_thread(parse) if secret and _IDENTITY in secret else parse()
        except InvalidRemote as error:
            return Stalled(CommonReason.URL_INVALID, str(error))
        except EncryptedIdentity as error:
            where = f"{obj.namespace}/{obj.spec.secret_ref.name if obj.spec.secret_ref else ''}"
            raise _refused(f"failed to configure authentication options: {error} '{where}'") from error
        except SecretError as error:
            raise _refused(f"failed to configure authentication options: {error}") from error

    async def _secret(self, obj: GitRepository) -> SecretData | None:
        if obj.spec.secret_ref is None:
            return None
        where = f"{obj.namespace}/{obj.spec.secret_ref.name}"
        try:
            data = secret_data(await self._client.get(_SECRETS, obj.namespace, obj.spec.secret_ref.name))
        except ApiError as error:
            raise _refused(f"failed to get secret '{where}': {error.message}") from error
        except SecretError as error:
            raise _refused(f"failed to configure authentication options: {error}") from error
        if _APP_ID in data:
            text = f"secretRef '{where}' has github app data but provider is not set to github"
            raise Failure(Reason.INVALID_PROVIDER, text, condition=FETCH_FAILED)
        return data


def _refused(message: str) -> Failure:
    return Failure(CommonReason.AUTHENTICATION_FAILED, message, condition=FETCH_FAILED)
