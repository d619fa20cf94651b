"""The distribution protocol of registries: what a tag names, which tags there are, manifests and blobs.

A `Registry` talks to one repository with one login. Tokens and what is known about hosts are kept by the
`Registries` that it comes from, so that a poll of something unchanged is one request. Credentials are only
sent to the registry itself and to the service that it names for tokens, and never over plain HTTP, unless
that was asked for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import aiohttp
from multidict import MultiDict
from yarl import URL

from shared.auth import (
    BasicAuth,
    Proxy,
    ProxyRefused,
    RegistryLogin,
    SecretError,
    TlsContexts,
    TlsMaterial,
    through,
)
from shared.http import (
    CONNECT_SECONDS,
    REDIRECTS,
    UnsafeRedirect,
    asked_to_wait,
    hang_up,
    is_cut,
    is_untrusted,
    redirected,
    trouble,
)
from shared.lang import json
from shared.lang.bounded import remember
from shared.lang.digest import Algorithm, Digest, DigestError
from shared.lang.json import mapping, mappings
from shared.oci.challenge import Challenge
from shared.oci.errors import (
    ContentRefused,
    Interrupted,
    LoginRefused,
    NotFound,
    NotTrusted,
    RegistryError,
    Unreachable,
)
from shared.oci.manifest import ACCEPTED, OCI_INDEX, Descriptor, Manifest
from shared.oci.repository import Repository

_LARGEST_MANIFEST: Final = 4 << 20
_LARGEST_ANSWER: Final = 8 << 20
_PAGE: Final = 1000
_MOST_TAGS: Final = 500_000
_TRIES: Final = 3
_PAUSES: Final = (1.0, 3.0)
_LONGEST_PAUSE: Final = timedelta(seconds=30)
"""Whoever asks for more is asked again in another turn."""
_RETRIED: Final = frozenset((408, 429, 499, 500, 502, 503, 504, 522))
_MOST_REDIRECTS: Final = 5
_MOST_REFERRERS: Final = 10_000
_MOST_TOKENS: Final = 4096
_SHORTEST_TOKEN: Final = 60.0
_CHUNK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Access:
    """How a registry is reached, and as whom."""

    login: RegistryLogin | None = None
    tls: TlsMaterial = field(default_factory=TlsMaterial)
    proxy: Proxy | None = None
    insecure: bool = False
    """Plain HTTP is allowed, and without TLS material a certificate of anybody."""


@dataclass(frozen=True, slots=True)
class _Token:
    header: str
    until: float


class Registries:
    """What registries have in common: the session, tokens, and which of them only speak plain HTTP."""

    def __init__(self, session: aiohttp.ClientSession, user_agent: str) -> None:
        """Nothing is sent yet."""
        self.session = session
        self.user_agent = user_agent
        self.tokens: OrderedDict[tuple[str, str, str], _Token] = OrderedDict()
        self.plain: OrderedDict[tuple[str, bool], bool] = OrderedDict()

    def registry(self, repository: Repository, access: Access) -> Registry:
        """A repository in one of them."""
        return Registry(self, repository, access)


class Registry:
    """One repository, as somebody who is allowed to see it."""

    def __init__(self, registries: Registries, repository: Repository, access: Access) -> None:
        """See `Registries.registry`."""
        self.repository = repository
        self._shared = registries
        self._access = access
        self._contexts = TlsContexts(access.tls, URL(f"https://{repository.host}").origin())

    async def digest(self, reference: str) -> Digest:
        """What a tag names now.

        Raises:
            RegistryError: the registry doesn't tell.
        """
        try:
            async with self._send("HEAD", f"manifests/{reference}", accept=ACCEPTED) as answer:
                return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
        except (RegistryError, DigestError):
            return (await self.manifest(reference)).digest

    async def manifest(self, reference: str) -> Manifest:
        """The manifest that a tag or digest names.

        Raises:
            RegistryError: the registry doesn't give it.
            ContentRefused: it is too large, or isn't what the digest says.
        """
        async with self._send("GET", f"manifests/{reference}", accept=ACCEPTED) as answer:
            data = await _read(answer, _LARGEST_MANIFEST, "the manifest")
            media_type = answer.content_type
        digest = Digest.of(data, Algorithm.SHA256)
        if ":" in reference:
            wanted = Digest.parse(reference)
            if not wanted.verify(data):
                raise ContentRefused(f"the manifest doesn't have the digest {wanted}")
            digest = wanted
        return Manifest.read(data, digest, media_type)

    async def tags(self) -> list[str]:
        """All tags, in the order of the registry.

        Raises:
            RegistryError: the registry doesn't list them.
        """
        found: list[str] = []
        following: str | None = f"tags/list?n={_PAGE}"
        while following is not None:
            async with self._send("GET", following) as answer:
                body = json.loads(await _read(answer, _LARGEST_ANSWER, "the list of tags"))
                link = (answer.links.get("next") or MultiDict()).get("url")
            page = body.get("tags") if isinstance(body, dict) else None
            found += [tag for tag in page or () if isinstance(tag, str)]
            if len(found) > _MOST_TAGS:
                raise ContentRefused(f"the repository has more than {_MOST_TAGS} tags")
            # Only where it goes on: the page is asked of the same host, whatever the link says.
            following = URL(str(link)).raw_path_qs if link and page else None
        return found

    async def referrers(self, digest: Digest, artifact_type: str) -> list[Descriptor]:
        """The manifests of a type that refer to one, in the order of the registry.

        Registries that don't know who refers to whom have a tag in its place.

        Raises:
            RegistryError: the registry doesn't tell.
            ContentRefused: the answer is none, or names too many.
        """
        try:
            async with self._send("GET", f"referrers/{digest}", accept=(OCI_INDEX,)) as answer:
                body = await _read(answer, _LARGEST_MANIFEST, "the list of referrers")
            raw = mapping(json.loads(body))
        except NotFound:
            try:
                raw = (await self.manifest(str(digest).replace(":", "-"))).raw
            except NotFound:
                return []
        except json.JsonError as error:
            raise ContentRefused("the list of referrers is not in its format") from error
        listed = mappings(raw.get("manifests"))
        if len(listed) > _MOST_REFERRERS:
            raise ContentRefused(f"more than {_MOST_REFERRERS} manifests refer to {digest}")
        return [Descriptor.read(one) for one in listed if one.get("artifactType") == artifact_type]

    async def blob(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """The bytes of a blob piece by piece; what was given is only right if the last piece comes.

        Raises:
            RegistryError: the registry doesn't give it, or breaks off.
            ContentRefused: it isn't what its descriptor says.
        """
        running, size = descriptor.digest.hasher(), 0
        async with self._send("GET", f"blobs/{descriptor.digest}") as answer:
            async for piece in answer.content.iter_chunked(_CHUNK):
                running.update(piece)
                size += len(piece)
                if size > descriptor.size:
                    raise ContentRefused(f"the blob {descriptor.digest} is larger than its descriptor says")
                yield piece
        if size != descriptor.size or not descriptor.digest.matches(running):
            raise ContentRefused(f"the blob doesn't have the digest {descriptor.digest}")

    @asynccontextmanager
    async def _send(
        self, method: str, path: str, *, accept: tuple[str, ...] = ()
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request that succeeds: with a token where one is needed, again where that may help."""
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            async with AsyncExitStack() as stack:
                try:
                    answer = await stack.enter_async_context(self._authorized(method, path, accept))
                except Interrupted:
                    if last:
                        raise
                    pause = _PAUSES[attempt]
                else:
                    patience = asked_to_wait(answer) or timedelta()
                    if last or answer.status not in _RETRIED or patience > _LONGEST_PAUSE:
                        _check(answer, self._what(path))
                        yield answer
                        return
                    pause = patience.total_seconds() or _PAUSES[attempt]
            await asyncio.sleep(pause)

    def _what(self, path: str) -> str:
        kind, _, name = path.partition("/")
        if kind == "manifests":
            return f"{self.repository}{'@' if ':' in name else ':'}{name}"
        return str(self.repository)

    @asynccontextmanager
    async def _authorized(
        self, method: str, path: str, accept: tuple[str, ...]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        key = self._token_key()
        token = self._shared.tokens.get(key)
        now = asyncio.get_running_loop().time()
        header = token.header if token and token.until > now else self._static()
        async with self._exchange(method, path, accept, header) as answer:
            if answer.status != 401:
                yield answer
                return
            challenge = Challenge.of(answer.headers.getall("WWW-Authenticate", ()))
        self._shared.tokens.pop(key, None)
        header = await self._answer(challenge)
        async with self._exchange(method, path, accept, header) as answer:
            yield answer

    def _token_key(self) -> tuple[str, str, str]:
        login = self._access.login
        return self.repository.host, self.repository.path, login.fingerprint if login else ""

    def _static(self) -> str:
        """What can be sent without being asked."""
        login = self._access.login
        return f"Bearer {login.registry_token}" if login and login.registry_token else ""

    async def _answer(self, challenge: Challenge | None) -> str:
        """The header that a registry asks for; it is kept for the next requests."""
        login = self._access.login
        if challenge is None:
            raise LoginRefused(f"{self.repository.host} refuses access without saying how to log in")
        if challenge.scheme == "basic":
            if login is None or not login.username:
                raise LoginRefused(
                    f"authentication required: {self.repository.host} wants a user and a password"
                )
            header, until = BasicAuth(login.username, login.password).header, float("inf")
        else:
            header, until = await self._token(challenge, login)
        remember(self._shared.tokens, self._token_key(), _Token(header, until), _MOST_TOKENS)
        return header

    async def _token(self, challenge: Challenge, login: RegistryLogin | None) -> tuple[str, float]:
        """A token from the service that a registry names."""
        realm = self._realm(challenge)
        query = {"scope": f"repository:{self.repository.path}:pull"}
        if challenge.service:
            query["service"] = challenge.service
        headers, form, method = {}, None, "GET"
        if login and login.identity_token:
            method = "POST"
            form = query | {
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token,
                "client_id": "headrace",
            }
            query = {}
        elif login and login.username:
            headers["Authorization"] = BasicAuth(login.username, login.password).header
        asked = asyncio.get_running_loop().time()
        async with self._request(method, realm.update_query(query), headers, form) as answer:
            if answer.status in (400, 401, 403):
                raise LoginRefused(f"authentication required: {realm.host} does not accept the login")
            if answer.status != 200:
                raise RegistryError(f"{realm.host} gives no token: unexpected status code {answer.status}")
            body = json.loads(await _read(answer, _LARGEST_ANSWER, "the token"))
        token = (body.get("token") or body.get("access_token")) if isinstance(body, dict) else None
        if not isinstance(token, str) or any(char in token for char in "\r\n"):
            raise RegistryError(f"{realm.host} gives no token")
        life = body.get("expires_in")
        seconds = max(float(life), _SHORTEST_TOKEN) if isinstance(life, int | float) else _SHORTEST_TOKEN
        return f"Bearer {token}", asked + seconds * 0.8

    def _realm(self, challenge: Challenge) -> URL:
        try:
            realm = URL(challenge.realm)
        except ValueError:
            realm = URL()
        if realm.scheme not in ("http", "https") or not realm.host:
            raise RegistryError(f"{self.repository.host} names no address to get tokens from")
        login = self._access.login
        if realm.scheme == "http" and login and not self._access.insecure:
            raise LoginRefused(
                f"{self.repository.host} wants the login to be sent over plain HTTP; "
                "set spec.insecure to allow that"
            )
        return realm.with_user(None)

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, accept: tuple[str, ...], authorization: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request to the registry, over HTTPS or else plain HTTP, following redirects."""
        headers = {"Accept": ", ".join(accept)} if accept else {}
        first: Unreachable | None = None
        for plain in self._ways():
            base = URL(f"{'http' if plain else 'https'}://{self.repository.host}/v2/{self.repository.path}/")
            sent = headers | ({"Authorization": authorization} if authorization else {})
            if plain and not self._access.insecure:
                sent.pop("Authorization", None)
            async with AsyncExitStack() as stack:
                following = self._followed(method, base.join(URL(path, encoded=True)), sent)
                try:
                    answer = await stack.enter_async_context(following)
                except Unreachable as error:
                    first = first or error
                    continue
                remember(self._shared.plain, self._way(), plain, _MOST_TOKENS)
                yield answer
                return
        if first is not None:
            raise first

    def _way(self) -> tuple[str, bool]:
        return self.repository.host, self._access.insecure

    def _ways(self) -> tuple[bool, ...]:
        """Whether to try plain HTTP, in the order of trying; what worked last comes first."""
        if not (self._access.insecure or self.repository.is_private):
            return (False,)
        return (True, False) if self._shared.plain.get(self._way()) else (False, True)

    @asynccontextmanager
    async def _followed(
        self, method: str, url: URL, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Redirects are followed without the credentials, unless they stay where they are."""
        origin = url.origin()
        for _ in range(_MOST_REDIRECTS + 1):
            sent = headers if url.origin() == origin else _anonymous(headers)
            async with self._request(method, url, sent, None) as answer:
                if answer.status not in REDIRECTS:
                    yield answer
                    return
                try:
                    url = redirected(url, answer)
                except UnsafeRedirect as error:
                    raise RegistryError(f"{url.host} redirects to {error}") from None
        raise RegistryError(f"{origin.host} redirects in circles")

    @asynccontextmanager
    async def _request(
        self, method: str, url: URL, headers: dict[str, str], form: dict[str, str] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; trouble of the network comes out as `Unreachable`."""
        sent = headers | {"User-Agent": self._shared.user_agent}
        with _told(url):
            async with (
                through(self._shared.session, self._access.proxy, url, sent) as (session, way),
                session.request(
                    method,
                    url,
                    data=form,
                    ssl=await self._tls(url) if url.scheme == "https" else True,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                    **way,
                ) as answer,
            ):
                try:
                    yield answer
                finally:
                    hang_up(answer)

    async def _tls(self, url: URL) -> ssl.SSLContext | bool:
        """The context for an address; True is the session's own, False trusts anybody."""
        if not self._access.tls:
            return not self._access.insecure
        try:
            return await self._contexts.of(url) or True
        except SecretError as error:
            raise RegistryError(str(error)) from error


def _anonymous(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "Authorization"}


def _check(answer: aiohttp.ClientResponse, what: str) -> None:
    match answer.status:
        case 200:
            return
        case 401 | 403:
            raise LoginRefused(f"authentication required: {answer.url.host} refuses access to {what}")
        case 404:
            raise NotFound(f"{what}: not found")
        case 429:
            text = f"{answer.url.host} is asked too often (429), it will be asked again later"
        case status:
            text = f"unexpected status code {status} from {answer.url.host} for {what}"
    error = RegistryError(text)
    error.retry_after = asked_to_wait(answer)
    raise error


async def _read(answer: aiohttp.ClientResponse, most: int, what: str) -> bytes:
    """A whole answer that fits into memory."""
    data = bytearray()
    async for piece in answer.content.iter_chunked(_CHUNK):
        data += piece
        if len(data) > most:
            raise ContentRefused(f"{what} is larger than {most} bytes")
    return bytes(data)


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Trouble of the network as an error of ours."""
    try:
        yield
    except ProxyRefused as error:
        raise Unreachable(str(error)) from None
    except (aiohttp.ClientError, OSError) as error:
        if is_untrusted(error):
            raise NotTrusted(trouble(error, url)) from None
        raise (Interrupted if is_cut(error) else Unreachable)(trouble(error, url)) from None
