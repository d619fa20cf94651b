"""A container of Azure, for one turn.

The libraries are an extra of the package and loaded when first needed. Each turn has a session of its own,
so that nothing that comes is unpacked on the way.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
from yarl import URL

from shared.auth import SOCKS5, Proxy
from shared.http import CONNECT_SECONDS, trouble
from shared.proxies import session_through_environment
from source_controller.bucket.azure_login import (
    AccountKey,
    AccountToken,
    AzureLogin,
    ClientCertificate,
    ClientSecret,
    ManagedIdentity,
    SharedAccess,
    Surroundings,
    merged,
)
from source_controller.bucket.store import ExtraMissing, ObjectGone, StoreError

_NAME: Final = re.compile(r"\$?[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])")
_AT_ONCE: Final = 4 << 20
BLOBS: Final = "https://storage.azure.com/.default"
"""What tokens for containers are for."""
_LONGEST: Final = 300
_SEARCH_SECONDS: Final = 5
_CHANGED: Final = 412
_HINT: Final = (
    "the specified bucket name may be incorrect, nonexistent, or the caller might lack sufficient "
    "permissions to access it"
)


@dataclass(frozen=True, slots=True)
class AzureAccess:
    """How a container is reached, and as whom."""

    endpoint: URL = field(repr=False)
    bucket: str
    login: AzureLogin | None = None
    proxy: Proxy | None = None


@asynccontextmanager
async def open_azure(access: AzureAccess) -> AsyncIterator[AzureStore]:
    """A container for one turn.

    Raises:
        ExtraMissing: it can't be read with what is installed.
        StoreError: the login can't be used, or gives nothing.
    """
    await asyncio.to_thread(_load)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(_session(access.proxy))
        how = _options(access, session)
        credential = await _credential(access, how)
        if hasattr(credential, "close"):
            stack.push_async_callback(credential.close)
        yield AzureStore(access, credential, how)


class AzureStore:
    """One container; see `ObjectStore`."""

    def __init__(self, access: AzureAccess, credential: Any, how: Mapping[str, Any]) -> None:
        """See `open_azure`."""
        self._access = access
        self._credential = credential
        self._how = how

    async def exists(self) -> bool:
        """Whether the container is there: who may only list one may not ask for its properties."""
        check_container(self._access.bucket)
        try:
            async with aclosing(self._pages(results_per_page=1)) as pages:
                await anext(pages, None)
        except Refused as error:
            if error.code == "ContainerNotFound":
                return False
            if error.code == "AuthenticationFailed":
                raise StoreError(f"{_HINT}: {error}") from None
            raise
        return True

    async def read(self, key: str, limit: int) -> bytes:
        """A small object."""
        data = bytearray()
        async with aclosing(self._pieces(key, {})) as pieces:
            async for piece in pieces:
                data += piece
                if len(data) > limit:
                    raise StoreError(f"it has more than {limit} bytes")
        return bytes(data)

    async def listing(self, prefix: str) -> AsyncIterator[dict[str, str]]:
        """Keys and ETags, a page at a time; the ETags as downloads have them."""
        async for page in self._pages(name_starts_with=prefix or None):
            yield {each.name: _as_in_headers(each.etag) for each in page}

    async def download(self, key: str, etag: str, file: Path) -> str:
        """Writes an object into a file; its ETag."""
        from azure.core import MatchConditions  # noqa: PLC0415 - see the module

        found = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        try:
            return await self._saved(key, found, file)
        except Refused as error:
            if error.status != _CHANGED:
                raise
        return await self._saved(key, {}, file)

    @cached_property
    def _client(self) -> Any:
        from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415 - see the module

        login, address = self._access.login, str(self._access.endpoint).rstrip("/")
        if isinstance(login, SharedAccess):
            address = merged(self._access.endpoint, login.query)
        try:
            return ContainerClient(
                address,
                self._access.bucket,
                credential=self._credential,
                max_single_get_size=_AT_ONCE,
                max_chunk_get_size=_AT_ONCE,
                **self._how,
            )
        except ValueError:
            raise StoreError("spec.endpoint and the login don't go together") from None

    async def _saved(self, key: str, condition: Mapping[str, Any], file: Path) -> str:
        etags: list[str] = []
        with await asyncio.to_thread(file.open, "wb", 0) as target:
            async with aclosing(self._pieces(key, condition, etags)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(target.write, piece)
        return etags[0]

    async def _pieces(
        self, key: str, condition: Mapping[str, Any], etags: list[str] | None = None
    ) -> AsyncGenerator[bytes, None]:
        async with _told(self._access.endpoint):
            found = await self._client.download_blob(key, **condition)
            if etags is not None:
                etags.append(_as_in_headers(found.properties.etag))
            async for piece in found.chunks():
                yield piece

    async def _pages(self, **how: Any) -> AsyncGenerator[list[Any], None]:
        async with _told(self._access.endpoint):
            async for page in self._client.list_blobs(**how).by_page():
                yield [each async for each in page]


class Refused(StoreError):
    """The store says no, and why."""

    def __init__(self, message: str, code: str, status: int) -> None:
        """`code` is one of Azure."""
        super().__init__(message)
        self.code = code
        self.status = status


def check_container(name: str) -> None:
    """Refuses what would be anything but a container.

    Raises:
        StoreError: it is no name of one.
    """
    if not _NAME.fullmatch(name):
        text = "spec.bucketName is not the name of a container: 3 to 63 lower-case letters, digits and '-'"
        raise StoreError(text)


def _load() -> None:
    """Blocks."""
    for name in ("azure.core", "azure.identity", "azure.storage"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        import azure.identity.aio  # noqa: PLC0415 - see the module
        import azure.storage.blob.aio  # noqa: F401, PLC0415
    except ImportError:
        raise ExtraMissing from None


def _session(proxy: Proxy | None) -> aiohttp.ClientSession:
    if proxy is None:
        return session_through_environment(auto_decompress=False)
    connector: aiohttp.BaseConnector | None = None
    if proxy.address.scheme == SOCKS5:
        from aiohttp_socks import ProxyConnector  # noqa: PLC0415 - only few need it

        connector = ProxyConnector.from_url(_with_login(proxy), rdns=True)
    return aiohttp.ClientSession(connector=connector, auto_decompress=False)


def _options(access: AzureAccess, session: aiohttp.ClientSession) -> dict[str, Any]:
    """What all clients of a turn have in common: one session, and nothing is asked twice."""
    from azure.core.pipeline.transport import AioHttpTransport  # noqa: PLC0415 - see the module

    how: dict[str, Any] = {
        "transport": AioHttpTransport(session=session, session_owner=False),
        "connection_timeout": CONNECT_SECONDS,
        "retry_total": 0,
        "retry_connect": 0,
        "retry_read": 0,
        "retry_status": 0,
    }
    if access.proxy is not None and access.proxy.address.scheme != SOCKS5:
        address = _with_login(access.proxy)
        how["proxies"] = {"http": address, "https": address}
    return how


async def _credential(  # noqa: PLR0911 - a table of logins
    access: AzureAccess, how: Mapping[str, Any]
) -> Any:
    """What the client logs in with; None for nobody."""
    from azure.core.credentials import AzureNamedKeyCredential  # noqa: PLC0415 - see the module
    from azure.identity import aio  # noqa: PLC0415

    match access.login:
        case ClientSecret() as login:
            return aio.ClientSecretCredential(
                login.tenant, login.client, login.secret, **_authority(login.authority), **how
            )
        case ClientCertificate() as login:
            try:
                return aio.CertificateCredential(
                    login.tenant,
                    login.client,
                    certificate_data=login.certificate,
                    password=login.password or None,
                    send_certificate_chain=login.send_chain,
                    **_authority(login.authority),
                    **how,
                )
            except ValueError:
                text = "'clientCertificate' is no certificate with its key, or its password is wrong"
                raise StoreError(text) from None
        case ManagedIdentity() as login:
            return aio.ManagedIdentityCredential(client_id=login.client, **how)
        case AccountKey() as login:
            return AzureNamedKeyCredential(login.account, login.key)
        case AccountToken() as login:
            return _Given(login)
        case Surroundings():
            return await _surroundings(how)
        case _:
            return None


class _Given:
    """A token as the library wants to get it."""

    def __init__(self, login: AccountToken) -> None:
        self._login = login

    async def get_token(self, *scopes: str, **how: Any) -> Any:
        """The token, whatever it is for."""
        del scopes, how
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - see the module

        return AccessToken(self._login.token, int(self._login.expires_at.timestamp()))

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _surroundings(how: Mapping[str, Any]) -> Any:
    """The first credential that the environment or the machine gives a token for."""
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - see the module
    from azure.identity import CredentialUnavailableError, aio  # noqa: PLC0415

    for kind in (aio.EnvironmentCredential, aio.WorkloadIdentityCredential, aio.ManagedIdentityCredential):
        with suppress(ValueError, CredentialUnavailableError, TimeoutError):
            found = kind(**how)
            try:
                async with asyncio.timeout(_SEARCH_SECONDS):
                    await found.get_token(BLOBS)
                return found
            except ClientAuthenticationError as error:
                await found.close()
                if isinstance(error, CredentialUnavailableError):
                    continue
                raise StoreError(_first_line(error)) from None
    return None


def _authority(host: str) -> dict[str, str]:
    return {"authority": host} if host else {}


@asynccontextmanager
async def _told(endpoint: URL) -> AsyncIterator[None]:
    """Trouble comes out in words that show nothing that was sent."""
    from azure.core.exceptions import (  # noqa: PLC0415 - see the module
        AzureError,
        HttpResponseError,
        ResourceNotFoundError,
        ServiceRequestError,
        ServiceResponseError,
    )

    try:
        yield
    except (ServiceRequestError, ServiceResponseError) as error:
        inner = error.inner_exception or error
        raise StoreError(trouble(inner, endpoint)) from None
    except HttpResponseError as error:
        found = getattr(error, "error_code", None) or error.status_code or "unknown"
        code = str(getattr(found, "value", found))
        text = f"{code}: {_first_line(error)}"
        if isinstance(error, ResourceNotFoundError) and code in {"BlobNotFound", "404"}:
            raise ObjectGone(text) from None
        raise Refused(text, code, error.status_code or 0) from None
    except AzureError as error:
        raise StoreError(_first_line(error)) from None


def _first_line(error: Any) -> str:
    """What follows the first line are details of the request."""
    return str(error.message).partition("\n")[0][:_LONGEST]


def _as_in_headers(etag: str | None) -> str:
    """Lists have no quotes around ETags, answers to downloads have them, and revisions are made of these."""
    return '"{}"'.format((etag or "").strip('"'))


def _with_login(proxy: Proxy) -> str:
    login = proxy.login
    address = (
        proxy.address.with_user(login.username).with_password(login.password) if login else proxy.address
    )
    return str(address)
