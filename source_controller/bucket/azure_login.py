"""Who reads a container of Azure, as its Secret says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from yarl import URL

from shared.auth import SecretData, SecretError

_TRUE: Final = frozenset({"1", "true"})
_NOBODY: Final = (
    "requires a 'clientId' or 'accountKey' field, a combination of 'tenantId', 'clientId' and "
    "'clientSecret', or 'tenantId', 'clientId' and 'clientCertificate'"
)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """An application with a password."""

    tenant: str
    client: str
    secret: str = field(repr=False)
    authority: str = ""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """An application with a certificate and its key, in PEM or PKCS #12."""

    tenant: str
    client: str
    certificate: bytes = field(repr=False)
    password: str = field(default="", repr=False)
    send_chain: bool = False
    authority: str = ""


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """An identity that Azure has given to the machine."""

    client: str


@dataclass(frozen=True, slots=True)
class AccountKey:
    """The key of a storage account."""

    account: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SharedAccess:
    """A query that lets in whoever has it."""

    query: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the environment of this process and the machine below it give, and nobody if they give nothing."""


@dataclass(frozen=True, slots=True)
class AccountToken:
    """A token that was given for a ServiceAccount."""

    token: str = field(repr=False)
    expires_at: datetime


AzureLogin = (
    AccountToken
    | ClientSecret
    | ClientCertificate
    | ManagedIdentity
    | AccountKey
    | SharedAccess
    | Surroundings
)


def azure_login(name: str, data: SecretData, endpoint: URL) -> AzureLogin | None:
    """The first login that the Secret is complete for; None where it only names an authority.

    Raises:
        SecretError: there is none; names keys, never values.
    """
    text = {key: _text(name, data, key) for key in data if key != "clientCertificate"}
    tenant, client = text.get("tenantId", ""), text.get("clientId", "")
    authority = text.get("authorityHost", "")
    if tenant and client and text.get("clientSecret"):
        return ClientSecret(tenant, client, text["clientSecret"], authority)
    if tenant and client and data.get("clientCertificate"):
        return ClientCertificate(
            tenant,
            client,
            data["clientCertificate"],
            text.get("clientCertificatePassword", ""),
            text.get("clientCertificateSendChain", "").lower() in _TRUE,
            authority,
        )
    if client:
        return ManagedIdentity(client)
    if text.get("accountKey"):
        return AccountKey(account_of(name, endpoint), text["accountKey"])
    if text.get("sasKey"):
        return SharedAccess(text["sasKey"].removeprefix("?"))
    if authority:
        return None
    raise SecretError(f"invalid '{name}' secret data: {_NOBODY}")


def account_of(name: str, endpoint: URL) -> str:
    """The storage account that an address belongs to.

    Raises:
        SecretError: it doesn't say.
    """
    host = endpoint.host or ""
    if host.count(".") < 2:
        raise SecretError(
            f"invalid '{name}' secret data: 'accountKey' needs a spec.endpoint that begins with the name "
            "of the account, as https://<account>.blob.core.windows.net"
        )
    return host.partition(".")[0]


def merged(endpoint: URL, query: str) -> str:
    """An address with a query that lets in; that has the last word over what the address says."""
    pairs = dict(parse_qsl(endpoint.query_string, keep_blank_values=True))
    pairs |= dict(parse_qsl(query, keep_blank_values=True))
    return f"{str(endpoint.with_query(None)).rstrip('/')}?{urlencode(pairs)}"


def _text(name: str, data: SecretData, key: str) -> str:
    try:
        return data[key].decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(f"invalid '{name}' secret data: the value of '{key}' is not UTF-8") from None
