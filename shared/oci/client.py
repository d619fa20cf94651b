"""The distribution protocol of registries: what a tag names, which tags there are, manifests and blobs.

A `Registry` talks to one repository with one login. Tokens and what is known about hosts are kept by the
`Registries` that it comes from, so that a poll of something unchanged is one request. Credentials are only
sent to the registry itself and to the service that it names for tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from shared.lang import json
from shared.lang.digest import Algorithm, Digest, DigestError
from shared.lang.json import mapping, mappings
from shared.observe.clock import Clock, SystemClock
from shared.oci.answers import CHUNK, check, following, page_of_tags, read
from shared.oci.errors import ContentRefused, LoginRefused, NotFound, RegistryError
from shared.oci.manifest import ACCEPTED, OCI_INDEX, SCHEMA_1, Descriptor, Manifest
from shared.oci.repository import Repository
from shared.oci.tokens import Entrance, Tokens
from shared.oci.transport import Access, Hosts, Transport

_LARGEST_MANIFEST: Final = 4 << 20
_PAGE: Final = 1000
_MOST_TAGS: Final = 500_000
_LARGEST_LISTING: Final = 64 << 20
_MOST_REFERRERS: Final = 10_000
_BUSY: Final = (429, 503)


class Registries:
    """What registries have in common: the session, what is known of hosts, and tokens."""

    def __init__(self, session: aiohttp.ClientSession, user_agent: str, clock: Clock | None = None) -> None:
        """Nothing is sent yet."""
        known = SystemClock() if clock is None else clock
        self.hosts = Hosts(session, user_agent, known)
        self.tokens = Tokens(known)

    def registry(self, repository: Repository, access: Access) -> Registry:
        """A repository in one of them."""
        return Registry(self, repository, access)


class Registry:
    """One repository, as somebody who is allowed to see it."""

    def __init__(self, registries: Registries, repository: Repository, access: Access) -> None:
        """See `Registries.registry`."""
        self.repository = repository
        self._transport = Transport(registries.hosts, repository, access)
        self._entrance = Entrance(registries.tokens, repository, access, self._transport)

    async def digest(self, reference: str) -> Digest:
        """What a tag names now.

        Raises:
            RegistryError: the registry doesn't tell.
        """
        try:
            accept = (*ACCEPTED, *SCHEMA_1)
            async with self._send("HEAD", f"manifests/{quote(reference, safe=':')}", accept=accept) as answer:
                return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
        except RegistryError as error:
            if not _may_lack_head(error):
                raise
        except DigestError:
            pass
        return (await self.manifest(reference)).digest

    async def manifest(self, reference: str) -> Manifest:
        """The manifest that a tag or digest names.

        Raises:
            RegistryError: the registry doesn't give it.
            ContentRefused: it is too large, or isn't what the digest says.
        """
        async with self._send("GET", f"manifests/{quote(reference, safe=':')}", accept=ACCEPTED) as answer:
            data = await read(answer, _LARGEST_MANIFEST, "the manifest")
            media_type = answer.content_type
        digest = Digest.of(data, Algorithm.SHA256)
        if ":" in reference:
            wanted = Digest.parse(reference)
            if not wanted.verify(data):
                raise ContentRefused(f"the manifest doesn't have the digest {wanted}")
            digest = wanted
        return Manifest.read(data, digest, media_type)

    async def tags(self, most: int = _MOST_TAGS) -> list[str]:
        """All tags, in the order of the registry.

        Raises:
            RegistryError: the registry doesn't list them.
            ContentRefused: there are more than `most`, or the lists are too large.
        """
        found: list[str] = []
        size = 0
        seen: set[str | URL] = set()
        page: str | URL | None = f"/v2/{self.repository.path}/tags/list?n={_PAGE}"
        # Some registries name the last page as the one that follows it.
        while page is not None and page not in seen:
            seen.add(page)
            async with self._send("GET", page) as answer:
                data = await read(answer, _LARGEST_LISTING, "the list of tags", before=size)
                page = self._following(answer)
            size += len(data)
            found += page_of_tags(data)
            if len(found) > most:
                raise ContentRefused(f"the repository has more than {most} tags")
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
                body = await read(answer, _LARGEST_MANIFEST, "the list of referrers")
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
            async for piece in answer.content.iter_chunked(CHUNK):
                running.update(piece)
                size += len(piece)
                if size > descriptor.size:
                    raise ContentRefused(f"the blob {descriptor.digest} is larger than its descriptor says")
                yield piece
        if size != descriptor.size or not descriptor.digest.matches(running):
            raise ContentRefused(f"the blob doesn't have the digest {descriptor.digest}")

    def _following(self, answer: aiohttp.ClientResponse) -> str | URL | None:
        """Where the next page is: in the registry, or at the host that gave this one; never elsewhere."""
        target = following(answer)
        if target is None:
            return None
        path = target.raw_path_qs
        if self._transport.is_home(target) or self._transport.is_home(answer.url):
            return path
        return URL(f"{answer.url.origin()}{path}", encoded=True)

    @asynccontextmanager
    async def _send(
        self, method: str, path: str | URL, *, accept: tuple[str, ...] = ()
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request that succeeds: with a token where one is needed, again where that may help.

        The path is one below the repository, or with a slash in front one of the registry; an address is one
        elsewhere that the registry led to.
        """
        place = (
            path if isinstance(path, URL) or path.startswith("/") else f"/v2/{self.repository.path}/{path}"
        )
        headers = {"Accept": ", ".join(accept)} if accept else {}
        async with self._transport.send(
            method, place, headers | _authorization(self._entrance.known())
        ) as answer:
            if answer.status != 401 or not self._transport.is_home(answer.url):
                await check(answer)
                yield answer
                return
            challenges, scheme = answer.headers.getall("WWW-Authenticate", ()), answer.url.scheme
        header = await self._entrance.header(challenges, scheme)
        async with self._transport.send(method, place, headers | _authorization(header)) as answer:
            await check(answer)
            yield answer


def _authorization(header: str) -> dict[str, str]:
    return {"Authorization": header} if header else {}


def _may_lack_head(error: RegistryError) -> bool:
    """Whether a registry may answer GET after it refused HEAD: neither for want of a login nor of time."""
    return bool(error.status) and not isinstance(error, LoginRefused) and error.status not in _BUSY
