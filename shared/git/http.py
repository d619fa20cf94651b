"""Git's smart HTTP protocol as requests and answers: one place for credentials, TLS, proxy and redirects.

Both our own listing of references and the bridge for libgit2 go through an `Endpoint`. Credentials are only
ever sent to the origin that they were given for, and a redirect never leads from https to http.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from yarl import URL

from shared.auth import ProxyRefused, SecretError, TlsMaterial, ssl_context, through
from shared.git.errors import (
    AuthenticationRequired,
    AuthorizationFailed,
    InvalidRemote,
    RemoteError,
    RemoteTimeout,
    RepositoryNotFound,
)
from shared.git.remote import Remote
from shared.http import hang_up

SERVICE: Final = "git-upload-pack"
ADVERTISEMENT: Final = f"application/x-{SERVICE}-advertisement"
REQUEST: Final = f"application/x-{SERVICE}-request"
RESULT: Final = f"application/x-{SERVICE}-result"
USER_AGENT: Final = "git/2.0 (headrace)"
"""Some hosts only speak Git to clients whose name starts like this."""

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_MOST_REDIRECTS: Final = 5
_CONNECT_SECONDS: Final = 30


class Endpoint:
    """The requests that one remote understands, over a session that many remotes share."""

    def __init__(self, session: aiohttp.ClientSession, remote: Remote) -> None:
        """Nothing is sent yet."""
        self._session = session
        self._remote = remote
        self._base = remote.url
        self._ssl: dict[TlsMaterial, ssl.SSLContext] = {}

    @asynccontextmanager
    async def advertisement(self, *, version: int = 0) -> AsyncIterator[aiohttp.ClientResponse]:
        """`GET info/refs`, following redirects; later requests go to where they led."""
        for _ in range(_MOST_REDIRECTS + 1):
            url = _below(self._base, "info/refs").with_query(service=SERVICE)
            protocol = {"Git-Protocol": f"version={version}"} if version else {}
            async with self._exchange("GET", url, protocol, None) as answer:
                if answer.status in _REDIRECTS:
                    self._base = _redirected(url, answer)
                    continue
                _check(answer, ADVERTISEMENT)
                yield answer
                async for _ in answer.content.iter_any():
                    pass  # what is read to its end keeps its connection
                return
        raise RemoteError("the remote redirects in circles")

    @asynccontextmanager
    async def upload_pack(self, body: bytes, *, version: int = 0) -> AsyncIterator[aiohttp.ClientResponse]:
        """`POST git-upload-pack`."""
        headers = {"Content-Type": REQUEST, "Accept": RESULT}
        if version:
            headers["Git-Protocol"] = f"version={version}"
        async with self._exchange("POST", _below(self._base, SERVICE), headers, body) as answer:
            _check(answer, RESULT)
            yield answer

    @asynccontextmanager
    async def _exchange(
        self, method: str, url: URL, headers: dict[str, str], body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; trouble of the network comes out as `RemoteError`."""
        headers |= {"User-Agent": USER_AGENT}
        if self._remote.credentials and url.origin() == self._remote.url.origin():
            headers["Authorization"] = self._remote.credentials.header
        try:
            async with (
                through(self._session, self._remote.proxy, url, headers) as (session, way),
                session.request(
                    method,
                    url,
                    data=body,
                    ssl=await self._tls(url) if url.scheme == "https" else True,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                    **way,
                ) as answer,
            ):
                try:
                    yield answer
                finally:
                    hang_up(answer)
        except ProxyRefused as error:
            raise RemoteError(str(error)) from error
        except (aiohttp.ClientError, ConnectionError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise RemoteTimeout("context deadline exceeded") from error
            raise RemoteError(_told(error, url)) from error

    async def _tls(self, url: URL) -> ssl.SSLContext | bool:
        """The context for an address; True is the session's own, where there is no TLS material.

        The client certificate is only shown to the origin that it was given for.
        """
        own = url.origin() == self._remote.url.origin()
        material = self._remote.tls if own else self._remote.tls.authorities_only
        if not material:
            return True
        if material not in self._ssl:
            try:
                self._ssl[material] = await asyncio.to_thread(ssl_context, material, system=True)
            except SecretError as error:
                raise InvalidRemote(str(error)) from error
        return self._ssl[material]


def _below(base: URL, path: str) -> URL:
    return base.with_path(f"{base.raw_path.rstrip('/')}/{path}", encoded=True)


def _redirected(url: URL, answer: aiohttp.ClientResponse) -> URL:
    """The new base address; a server must keep the end of the path that we asked for."""
    try:
        target = url.join(URL(answer.headers.get("Location", ""))).with_user(None)
    except ValueError:
        raise RemoteError("the remote redirects to a malformed address") from None
    if target.scheme not in ("http", "https") or (url.scheme == "https" and target.scheme != "https"):
        raise RemoteError("the remote redirects to an address that is not safe to follow")
    path = target.raw_path
    if not path.endswith("/info/refs"):
        raise RemoteError("the remote redirects to something that is not a git repository")
    return target.with_path(path.removesuffix("/info/refs"), encoded=True).with_query(None)


def _check(answer: aiohttp.ClientResponse, content_type: str) -> None:
    match answer.status:
        case 200:
            if answer.content_type != content_type:
                raise RemoteError("the remote is not a git repository, or doesn't speak git's smart protocol")
        case 401:
            raise AuthenticationRequired("authentication required: the remote did not accept the credentials")
        case 403:
            raise AuthorizationFailed("authorization failed: the remote refuses access")
        case 404 | 410:
            raise RepositoryNotFound("repository not found")
        case status:
            raise RemoteError(f"unexpected status code {status} from the remote")


def _told(error: Exception, url: URL) -> str:
    """Trouble of the network in words, without what the parts around it may have put in."""
    at = f"{url.host}:{url.port}"
    match error:
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            cause = getattr(error, "certificate_error", error)
            why = getattr(cause, "verify_message", "") or "unknown reason"
            return f"the certificate of {at} is not trusted: {why}"
        case aiohttp.ClientConnectorDNSError():
            return f"the host {url.host} can't be resolved"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return "the proxy can't be reached or refuses"
        case aiohttp.ClientConnectorError() | ConnectionRefusedError():
            why = error.strerror if isinstance(error, OSError) else ""
            return f"can't connect to {at}: {why or 'no connection'}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | ConnectionError():
            return f"{at} ended the connection"
        case _:
            return f"talking to {at} failed: {type(error).__name__}"
