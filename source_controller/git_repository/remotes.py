"""From a GitRepository to a remote: address, proxy, and the credentials of its Secret."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from shared.api.source_v1 import GitRepository
from shared.auth import Proxy, SecretData, SecretError, check_tls
from shared.git import EncryptedIdentity, InvalidRemote, Remote
from shared.runtime.outcome import Failure, Stalled
from source_controller.artifacts import FETCH_FAILED, CommonReason
from source_controller.git_repository.conditions import Reason
from source_controller.secrets import Secrets, SecretUnavailable, refused

_APP_ID: Final = "githubAppID"
_IDENTITY: Final = "identity"


class Remotes:
    """Reads the Secrets of remotes; nothing secret is kept."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def open(self, obj: GitRepository) -> Remote | Stalled:
        """The remote; `Stalled` when its address is none.

        Raises:
            Failure: a Secret is missing or can't be used; it may come or change later.
        """
        proxy = await self._proxy(obj)
        secret = await self._secret(obj)
        parse = partial(Remote.parse, obj.spec.url, secret, proxy=proxy, timeout=obj.spec.timeout)
        try:
            remote = await asyncio.to_thread(parse) if secret and _IDENTITY in secret else parse()
            check_tls(remote.tls)
            return remote
        except InvalidRemote as error:
            return Stalled(CommonReason.URL_INVALID, str(error))
        except EncryptedIdentity as error:
            where = f"{obj.namespace}/{obj.spec.secret_ref.name if obj.spec.secret_ref else ''}"
            raise refused(f"failed to configure authentication options: {error} '{where}'") from error
        except SecretError as error:
            raise refused(f"failed to configure authentication options: {error}") from error

    async def _proxy(self, obj: GitRepository) -> Proxy | None:
        if obj.spec.proxy_secret_ref is None:
            return None
        try:
            return await self._secrets.proxy(obj.namespace, obj.spec.proxy_secret_ref.name)
        except SecretUnavailable as error:
            raise refused(f"failed to configure proxy options: {error}") from error

    async def _secret(self, obj: GitRepository) -> SecretData | None:
        if obj.spec.secret_ref is None:
            return None
        name = obj.spec.secret_ref.name
        try:
            _, data = await self._secrets.read(obj.namespace, name)
        except SecretUnavailable as error:
            raise refused(str(error)) from error
        if _APP_ID in data:
            text = f"secretRef '{obj.namespace}/{name}' has github app data but provider is not set to github"
            raise Failure(Reason.INVALID_PROVIDER, text, condition=FETCH_FAILED)
        return data
