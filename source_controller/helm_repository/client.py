"""Downloads from a repository of charts: index and packages, with the credentials of its HelmRepository.

A login goes to the origin of the repository alone, or to all hosts that the index names where the object says
so, and never along a redirect to another origin. Nothing is kept in memory: what comes goes into a file.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from shared.api.source_v1.helm import DEFAULT_TIMEOUT
from shared.auth import BasicAuth, TlsContexts, TlsMaterial
from shared.http import (
    CONNECT_SECONDS,
    REDIRECTS,
    UnsafeRedirect,
    asked_to_wait,
    hang_up,
    redirected,
    trouble,
)

USER_AGENT: Final = "Helm/3.19.0"
"""Some repositories answer only to clients whose name starts like this."""

_MOST_REDIRECTS: Final = 10
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
"""What a server says in their place may be anything, what it was told by us, too."""
_CHUNK: Final = 1 << 18


class InvalidUrl(ValueError):
    """An address that no repository can have."""


class DownloadError(Exception):
    """A download didn't succeed; the text may be shown to anybody."""

    retry_after: timedelta | None = None
    """How long the server wants to be left alone, if it said so."""


class LoginRefused(DownloadError):
    """The server wants to know who we are, or doesn't let that one in."""


class TooLarge(DownloadError):
    """There is more than the limit allows."""

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes."""
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server says about the state of a file, to ask later whether it has changed."""

    etag: str = ""
    last_modified: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The conditions of a request for a newer state."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that came whole; `changed` is False, and no file there, where it is as it was."""

    size: int
    validators: Validators
    changed: bool = True


@dataclass(frozen=True, slots=True)
class HelmAccess:
    """How to reach a repository; `url` is normalised, without user info."""

    url: URL
    timeout: timedelta = DEFAULT_TIMEOUT
    login: BasicAuth | None = None
    tls: TlsMaterial = field(default_factory=TlsMaterial)
    pass_credentials: bool = False
    legacy_tls: bool = False
    """Whether the TLS material is from the Secret that is there for the login."""

    @property
    def fingerprint(self) -> str:
        """The same for the same way to the same repository, and of no use for anything else."""
        login = self.login.header if self.login else ""
        parts = (str(self.url), login, self.tls.fingerprint, str(self.pass_credentials))
        digests = b"".join(hashlib.sha256(part.encode()).digest() for part in parts)
        return hashlib.sha256(digests).hexdigest()


class HelmHttp:
    """Downloads from one repository."""

    def __init__(self, session: aiohttp.ClientSession, access: HelmAccess) -> None:
        """Nothing is sent yet."""
        self.access = access
        self.url = access.url
        self._session = session
        self._contexts = TlsContexts(access.tls, access.url.origin(), anywhere=access.pass_credentials)

    @property
    def index_url(self) -> URL:
        """Where the index is; the query of the repository's address stays."""
        return self.resolve("index.yaml")

    def resolve(self, reference: str) -> URL:
        """The address of something that the index names; of a relative one below the repository's.

        Raises:
            InvalidUrl: it is no address that anything can be downloaded from.
        """
        try:
            target = URL(reference)
            if not target.scheme:
                target = self.url.join(target)
                if self.url.query and target.origin() == self.url.origin():
                    target = target.with_query(self.url.query)
        except ValueError:
            raise InvalidUrl("it is malformed") from None
        if target.scheme not in ("http", "https") or not target.host:
            raise InvalidUrl("it has no host, or a scheme other than http and https")
        return target

    async def download(
        self,
        url: URL | str,
        file: Path,
        limit: int,
        *,
        known: Validators | None = None,
        compressed: bool = False,
    ) -> Downloaded:
        """Writes what is at an address into a new file, at most `limit` bytes of it.

        With `known` nothing is written if nothing changed; with `compressed` it may come compressed.

        Raises:
            DownloadError: it doesn't come, or not in time; TooLarge and LoginRefused are of its family.
            OSError: the file can't be written.
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip" if compressed else "identity"}
        headers |= known.headers if known else {}
        target = url if isinstance(url, URL) else self.resolve(url)
        try:
            async with (
                asyncio.timeout(self.access.timeout.total_seconds()),
                self._followed(target, headers, decoded=compressed) as answer,
            ):
                validators = Validators(
                    answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
                )
                if known and known.headers and answer.status == 304:
                    return Downloaded(0, known, changed=False)
                _check(answer, target)
                return Downloaded(await _save(answer, file, limit), validators)
        except TimeoutError:
            raise DownloadError(f"failed to fetch {shown(target)} : context deadline exceeded") from None

    @asynccontextmanager
    async def _followed(
        self, url: URL, headers: dict[str, str], *, decoded: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Redirects are followed; the login doesn't go along to another origin."""
        target = url
        for _ in range(_MOST_REDIRECTS + 1):
            sent = headers | (self._login(url) if target.origin() == url.origin() else {})
            async with self._request(target, sent, decoded=decoded) as answer:
                if answer.status not in REDIRECTS:
                    yield answer
                    return
                try:
                    target = redirected(target, answer)
                except UnsafeRedirect as error:
                    text = f"failed to fetch {shown(target)} : redirected to {error}"
                    raise DownloadError(text) from None
        raise DownloadError(f"failed to fetch {shown(url)} : stopped after {_MOST_REDIRECTS} redirects")

    @asynccontextmanager
    async def _request(
        self, url: URL, headers: dict[str, str], *, decoded: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; trouble of the network comes out as `DownloadError`."""
        try:
            async with self._session.request(
                "GET",
                url.with_user(None),
                headers=headers,
                ssl=await self._contexts.of(url) or True,
                allow_redirects=False,
                auto_decompress=decoded,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            ) as answer:
                try:
                    yield answer
                finally:
                    hang_up(answer)
        except TimeoutError:
            raise
        except (aiohttp.ClientError, ssl.SSLError, ConnectionError) as error:
            raise DownloadError(f"failed to fetch {shown(url)} : {trouble(error, url)}") from None

    def _login(self, url: URL) -> dict[str, str]:
        login = self.access.login
        if login is None or not (self.access.pass_credentials or url.origin() == self.url.origin()):
            return {}
        return {"Authorization": login.header}


def repository_url(text: str) -> URL:
    """The address of a repository, ending in exactly one slash; without user info.

    Raises:
        InvalidUrl: it can't be one; the text says why.
    """
    if text.startswith("oci://"):
        raise InvalidUrl("'oci' URL scheme cannot be used with 'default' HelmRepository type")
    try:
        url = URL(text)
        host = url.host
    except ValueError:
        raise InvalidUrl("it is malformed") from None
    if url.scheme not in ("http", "https") or not host:
        raise InvalidUrl("it needs a host and one of the schemes http and https")
    path = f"{url.raw_path.rstrip('/')}/"
    return url.with_user(None).with_path(path, encoded=True, keep_query=True)


def shown(url: URL) -> str:
    """An address without what may be a secret in it."""
    return str(url.with_user(None).with_query(None).with_fragment(None))


def without_login(text: str) -> str:
    """An address as it was written, but for what may be a login: user info and query."""
    url = URL(text)
    return str(url.with_user(None).with_query(None)) if url.user or url.password or url.query else text


def _check(answer: aiohttp.ClientResponse, url: URL) -> None:
    if answer.status == 200:
        return
    text = f"failed to fetch {shown(url)} : {answer.status} {_PHRASES.get(answer.status, '')}".rstrip()
    error = LoginRefused(text) if answer.status in (401, 403) else DownloadError(text)
    error.retry_after = asked_to_wait(answer)
    raise error


async def _save(answer: aiohttp.ClientResponse, file: Path, limit: int) -> int:
    if "Content-Encoding" not in answer.headers and (answer.content_length or 0) > limit:
        raise TooLarge(limit)
    size = 0
    with file.open("wb", buffering=0) as out:
        async for piece in answer.content.iter_chunked(_CHUNK):
            size += len(piece)
            if size > limit:
                raise TooLarge(limit)
            await asyncio.to_thread(out.write, piece)
    return size
