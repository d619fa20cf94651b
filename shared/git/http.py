"""Git's smart HTTP protocol as requests and answers: one place for credentials, TLS, proxy and redirects.

Both our own listing of references and the bridge for libgit2 go through an `Endpoint`. Credentials are only
ever sent to the origin that they were given for, and a redirect never leads from https to http.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from yarl import URL

from shared.auth import ProxyRefused, SecretError, TlsContexts, exchange
from shared.git.errors import (
    AuthenticationRequired,
    AuthorizationFailed,
    InvalidRemote,
    RemoteError,
    RemoteTimeout,
    RepositoryNotFound,
)
from shared.git.remote import Remote
from shared.http import (
    REDIRECTS,
    UnsafeRedirect,
    asked_to_wait,
    redirected,
    trouble,
)

SERVICE: Final = "git-upload-pack"
"""What gives."""
RECEIVER: Final = "git-receive-pack"
"""What takes."""
USER_AGENT: Final = "git/2.0 (headrace)"
"""Some hosts only speak Git to clients whose name starts like this."""

_MOST_REDIRECTS: Final = 5


class Endpoint:
    """The requests that one remote understands, over a session that many remotes share."""

    def __init__(self, session: aiohttp.ClientSession, remote: Remote) -> None:
        """Nothing is sent yet."""
        self._session = session
        self._remote = remote
        self._base = remote.url
        self._contexts = TlsContexts(remote.tls, remote.url.origin())

    @asynccontextmanager
    async def advertisement(
        self, *, version: int = 0, service: str = SERVICE
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """`GET info/refs`, following redirects; later requests go to where they led."""
        for _ in range(_MOST_REDIRECTS + 1):
            url = _below(self._base, "info/refs").with_query(service=service)
            protocol = {"Git-Protocol": f"version={version}"} if version else {}
            async with self._exchange("GET", url, protocol, None) as answer:
                if answer.status in REDIRECTS:
                    self._base = _redirected(url, answer)
                    continue
                _check(answer, media_type(service, "advertisement"))
                yield answer
                async for _ in answer.content.iter_any():
                    pass  # what is read to its end keeps its connection
                return
        raise RemoteError("the remote redirects in circles")

    @asynccontextmanager
    async def upload_pack(self, body: bytes, *, version: int = 0) -> AsyncIterator[aiohttp.ClientResponse]:
        """`POST git-upload-pack`."""
        async with self.ask(SERVICE, body, version=version) as answer:
            yield answer

    @asynccontextmanager
    async def ask(
        self, service: str, body: bytes, *, version: int = 0
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """`POST` to one of the services."""
        result = media_type(service, "result")
        headers = {"Content-Type": media_type(service, "request"), "Accept": result}
        if version:
            headers["Git-Protocol"] = f"version={version}"
        async with self._exchange("POST", _below(self._base, service), headers, body) as answer:
            _check(answer, result)
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
            context = await self._tls(url) if url.scheme == "https" else True
            async with exchange(
                self._session, self._remote.proxy, method, url, headers, data=body, ssl=context
            ) as answer:
                yield answer
        except ProxyRefused as error:
            raise RemoteError(str(error)) from error
        except (aiohttp.ClientError, ConnectionError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise RemoteTimeout("context deadline exceeded") from error
            raise RemoteError(trouble(error, url)) from error

    async def _tls(self, url: URL) -> ssl.SSLContext | bool:
        """The context for an address; True is the session's own."""
        try:
            return await self._contexts.of(url) or True
        except SecretError as error:
            raise InvalidRemote(str(error)) from error


def media_type(service: str, what: str) -> str:
    """What an exchange with a service is called: its `advertisement`, a `request`, a `result`."""
    return f"application/x-{service}-{what}"


def _below(base: URL, path: str) -> URL:
    return base.with_path(f"{base.raw_path.rstrip('/')}/{path}", encoded=True)


def _redirected(url: URL, answer: aiohttp.ClientResponse) -> URL:
    """The new base address; a server must keep the end of the path that we asked for."""
    try:
        target = redirected(url, answer)
    except UnsafeRedirect as error:
        raise RemoteError(f"the remote redirects to {error}") from None
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
            error = RemoteError(f"unexpected status code {status} from the remote")
            error.retry_after = asked_to_wait(answer)
            raise error
