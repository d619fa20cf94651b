"""From a GitRepository to a remote: address, proxy, and the credentials of its Secret."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final

from shared.api.source_v1 import GitRepository
from shared.api.source_v1.git import GitProvider
from shared.auth import Credentials, Proxy, SecretData, SecretError, check_tls
from shared.auth.cloud import APP_ID, GitHubApp
from shared.git import EncryptedIdentity, InvalidRemote, Remote
from shared.runtime.outcome import Failure, Stalled
from source_controller.artifacts import FETCH_FAILED, CommonReason
from source_controller.git_repository.conditions import Reason
from source_controller.identities import GateClosed, Identities
from source_controller.secrets import Secrets, SecretUnavailable, refused

_IDENTITY: Final = "identity"
_LOGIN: Final = frozenset(("username", "password", "bearerToken"))
_NO_APP: Final = "secretRef with github app data must be specified when provider is set to github"


class Remotes:
    """Reads the Secrets of remotes, and asks clouds; nothing secret is kept but tokens of clouds."""

    def __init__(self, secrets: Secrets, identities: Identities) -> None:
        self._secrets = secrets
        self._identities = identities

    async def open(self, obj: GitRepository) -> Remote | Stalled:
        """The remote; `Stalled` when only an edit of the object can help.

        Raises:
            Failure: a Secret is missing or can't be used, or a cloud gives nothing; that may change later.
        """
        provider = obj.spec.provider or GitProvider.GENERIC
        if provider is GitProvider.GITHUB and obj.spec.secret_ref is None:
            return Stalled(Reason.INVALID_PROVIDER, _NO_APP)
        try:
            self._identities.check(obj.spec.service_account_name)
        except GateClosed as closed:
            return Stalled(CommonReason.GATE_DISABLED, str(closed))
        proxy = await self._proxy(obj)
        secret = await self._secret(obj)
        if provider is GitProvider.GENERIC:
            return await self._parsed(obj, secret, proxy)
        app = await self._app(secret) if provider is GitProvider.GITHUB else None
        remote = await self._parsed(obj, _without_login(secret), proxy)
        if isinstance(remote, Stalled):
            return remote
        if app is not None:
            login: Credentials = await self._identities.github(obj, app, proxy=proxy, tls=remote.tls)
        else:
            login = await self._identities.git(
                obj, provider, remote.url, account=obj.spec.service_account_name, proxy=proxy
            )
        return replace(remote, credentials=login)

    async def _parsed(
        self, obj: GitRepository, secret: SecretData | None, proxy: Proxy | None
    ) -> Remote | Stalled:
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

    @staticmethod
    async def _app(secret: SecretData | None) -> GitHubApp:
        if not secret or APP_ID not in secret:
            raise Failure(Reason.INVALID_PROVIDER, _NO_APP, condition=FETCH_FAILED)
        try:
            return await asyncio.to_thread(GitHubApp.read, secret)
        except SecretError as error:
            raise Failure(Reason.INVALID_PROVIDER, str(error), condition=FETCH_FAILED) from error

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
        if APP_ID in data and obj.spec.provider is not GitProvider.GITHUB:
            text = f"secretRef '{obj.namespace}/{name}' has github app data but provider is not set to github"
            raise Failure(Reason.INVALID_PROVIDER, text, condition=FETCH_FAILED)
        return data


def _without_login(secret: SecretData | None) -> SecretData | None:
    """What a Secret says beside who logs in; clouds know that better."""
    return {key: value for key, value in secret.items() if key not in _LOGIN} if secret else None
