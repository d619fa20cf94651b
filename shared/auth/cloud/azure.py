"""Azure: tokens of the machine or of a ServiceAccount, and the login for registries that one gives."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from yarl import URL

from shared.auth.cloud.accounts import Account
from shared.auth.cloud.asking import Asker, CloudError
from shared.auth.cloud.aws import Login
from shared.auth.secrets import Proxy
from shared.lang.json import JsonObject, loads_object
from shared.observe.clock import Clock

AUDIENCE: Final = "api://AzureADTokenExchange"
DEVOPS_SCOPE: Final = "499b84ac-1321-427f-aa17-267ca6975798/.default"

_REGISTRY: Final = re.compile(r".+\.(azurecr\.io|azurecr\.cn|azurecr\.de|azurecr\.us)")
_CLIENT: Final = "azure.workload.identity/client-id"
_TENANT: Final = "azure.workload.identity/tenant-id"
_ID: Final = re.compile(r"[0-9A-Za-z.-]{1,100}")
_AUTHORITY: Final = "https://login.microsoftonline.com/"
_MACHINE: Final = "http://169.254.169.254/metadata/identity/oauth2/token"
_MACHINE_VERSION: Final = "2018-02-01"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REGISTRY_USER: Final = "00000000-0000-0000-0000-000000000000"
_EXCHANGE: Final = "https://{host}/oauth2/exchange"
_MANAGER: Final = "https://management.azure.com"
_MANAGERS: Final = (
    ("chinacloudapi.cn", "https://management.chinacloudapi.cn"),
    ("microsoftonline.us", "https://management.usgovcloudapi.net"),
)
_ENVIRONMENT_FILE: Final = "AZURE_ENVIRONMENT_FILEPATH"


@dataclass(frozen=True, slots=True)
class AzureToken:
    """What stands for an identity for a while."""

    token: str = field(repr=False)
    expires_at: datetime = field(kw_only=True)


class Azure:
    """Asks Azure; `environment` is what the webhook of workload identities puts into pods."""

    def __init__(
        self,
        asker: Asker,
        clock: Clock,
        environment: Mapping[str, str] = os.environ,
        *,
        exchange: str = _EXCHANGE,
    ) -> None:
        """Nothing is sent yet; `exchange` is where a registry gives logins, of which `{host}` is a part."""
        self._exchange = exchange
        self._asker = asker
        self._clock = clock
        self._environment = environment

    async def machine_token(self, scope: str, *, proxy: Proxy | None = None) -> AzureToken:
        """A token of the controller: of its client secret, its federated token, or of the machine below it.

        Raises:
            CloudError: nobody gives one.
        """
        env = self._environment
        tenant, client = env.get("AZURE_TENANT_ID", ""), env.get("AZURE_CLIENT_ID", "")
        if tenant and client and env.get("AZURE_CLIENT_SECRET"):
            return await self._granted(
                tenant, client, scope, {"client_secret": env["AZURE_CLIENT_SECRET"]}, proxy
            )
        file = env.get("AZURE_FEDERATED_TOKEN_FILE", "")
        if tenant and client and file:
            try:
                assertion = (await asyncio.to_thread(Path(file).read_text)).strip()
            except OSError as error:
                raise CloudError(
                    f"the file of AZURE_FEDERATED_TOKEN_FILE can't be read: {error.strerror}"
                ) from error
            return await self._federated(tenant, client, scope, assertion, proxy)
        query = {"api-version": _MACHINE_VERSION, "resource": scope.removesuffix("/.default")}
        if client:
            query["client_id"] = client
        url = URL(env.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", "") or _MACHINE)
        if url.path in {"", "/"}:
            url = url.with_path(URL(_MACHINE).path)
        answer = await self._asker.ask("GET", url.with_query(query), headers={"Metadata": "true"})
        return self._token(answer.json(), answer.where)

    async def account_token(
        self, account: Account, token: str, scope: str, *, proxy: Proxy | None = None
    ) -> AzureToken:
        """A token of the identity that a ServiceAccount stands for, for a token of it.

        Raises:
            CloudError: it stands for none, or Azure refuses.
        """
        tenant, client = identity_of(account)
        return await self._federated(tenant, client, scope, token, proxy)

    async def registry_login(self, host: str, token: AzureToken, *, proxy: Proxy | None = None) -> Login:
        """The login for a registry.

        Raises:
            CloudError: it gives none.
        """
        form = {"grant_type": "access_token", "service": host, "access_token": token.token}
        url = URL(self._exchange.format(host=host))
        answer = await self._asker.ask("POST", url, body=form, proxy=proxy)
        refresh = answer.json().get("refresh_token")
        if not isinstance(refresh, str):
            raise CloudError(f"{answer.where} gives no login")
        return Login(_REGISTRY_USER, refresh, expires_at=_expiry(refresh))

    def registry_scope(self, host: str) -> str:
        """What a token has to be for to log in at a registry.

        Raises:
            CloudError: it is none of Azure.
        """
        known = self._custom()
        if not _REGISTRY.fullmatch(host):
            if known is None:
                raise CloudError(f"invalid Azure registry: '{host}'. must match ^{_REGISTRY.pattern}$")
            suffix = str(known.get("containerRegistryDNSSuffix") or "")
            if not suffix:
                raise CloudError("containerRegistryDNSSuffix must be set in the environment file")
            if not host.endswith(suffix):
                raise CloudError(f"invalid Azure registry: '{host}'. must end with {suffix}")
        if known is not None:
            return f"{_manager(known)}/.default"
        return "https://containerregistry.azure.net/.default"

    def resource_manager(self) -> str:
        """Where resources are described.

        Raises:
            CloudError: the environment file does not say.
        """
        known = self._custom()
        if known is not None:
            return _manager(known)
        authority = self._environment.get("AZURE_AUTHORITY_HOST", "")
        return next((url for part, url in _MANAGERS if part in authority), _MANAGER)

    def _custom(self) -> JsonObject | None:
        file = self._environment.get(_ENVIRONMENT_FILE, "")
        if not file:
            return None
        try:
            return loads_object(Path(file).read_bytes())
        except (OSError, ValueError) as error:
            raise CloudError(f"the file of {_ENVIRONMENT_FILE} can't be read") from error

    async def _federated(
        self, tenant: str, client: str, scope: str, assertion: str, proxy: Proxy | None
    ) -> AzureToken:
        proof = {"client_assertion_type": _ASSERTION, "client_assertion": assertion}
        return await self._granted(tenant, client, scope, proof, proxy)

    async def _granted(
        self, tenant: str, client: str, scope: str, proof: Mapping[str, str], proxy: Proxy | None
    ) -> AzureToken:
        if not _ID.fullmatch(tenant):
            raise CloudError("the tenant is none: letters, digits, dots and dashes are allowed")
        authority = self._environment.get("AZURE_AUTHORITY_HOST") or _AUTHORITY
        url = URL(f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token")
        form = {"grant_type": "client_credentials", "client_id": client, "scope": scope, **proof}
        answer = await self._asker.ask("POST", url, body=form, proxy=proxy)
        return self._token(answer.json(), answer.where)

    def _token(self, answer: JsonObject, where: str) -> AzureToken:
        token = answer.get("access_token")
        try:
            life = timedelta(seconds=int(answer.get("expires_in") or 0))
        except (TypeError, ValueError):
            life = timedelta()
        if not isinstance(token, str) or not token.isprintable() or not token:
            raise CloudError(f"{where} gives no token")
        return AzureToken(token, expires_at=self._clock.now() + life)


def _manager(known: JsonObject) -> str:
    endpoint = str(known.get("resourceManagerEndpoint") or "").rstrip("/")
    if not endpoint:
        raise CloudError("resourceManagerEndpoint must be set in the environment file")
    return endpoint


def identity_of(account: Account) -> tuple[str, str]:
    """Tenant and client that a ServiceAccount stands for.

    Raises:
        CloudError: it stands for none.
    """
    found = []
    for key in (_TENANT, _CLIENT):
        value = account.annotations.get(key, "")
        if not _ID.fullmatch(value):
            raise CloudError(
                f"azure tenant ID or client ID is not set in the service account annotation {key}"
            )
        found.append(value)
    return found[0], found[1]


def _expiry(token: str) -> datetime:
    """When a JWT ends; of one that doesn't say so, now."""
    try:
        payload = token.split(".")[1]
        claims = loads_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError):
        return datetime.fromtimestamp(0, UTC)
