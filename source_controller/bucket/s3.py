"""A bucket that is reached by S3, for one turn."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final, TypeVar

import aiohttp
from yarl import URL

from shared.auth import Proxy, TlsMaterial, ssl_context
from shared.git.threads import run_in_thread
from shared.lang.bounded import remember
from source_controller.bucket.carrier import Carrier
from source_controller.bucket.library import DEFAULT_REGION, Library, S3Client, S3Credentials, StateChanged
from source_controller.bucket.store import StoreError

T = TypeVar("T")

AT_ONCE: Final = 16
"""How many requests of one bucket may be under way."""

_GOOGLE: Final = "storage.googleapis.com"
_VIRTUAL: Final = (".amazonaws.com", ".amazonaws.com.cn", ".aliyuncs.com")
_AWS_HOST: Final = re.compile(
    r"s3[.-](?:(?:dualstack|fips|accelerate)[.-])*([a-z]{2,}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?"
)
_AWS_ANYWHERE: Final = "s3.amazonaws.com"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class S3Access:
    """How a bucket is reached, and as whom."""

    endpoint: URL
    bucket: str
    region: str = ""
    credentials: S3Credentials | None = None
    tls: TlsMaterial = field(default_factory=TlsMaterial)
    proxy: Proxy | None = None

    @property
    def virtual(self) -> bool:
        """Whether the bucket is a part of the host's name instead of the path."""
        host = self.endpoint.host or ""
        dotted = self.endpoint.scheme == "https" and "." in self.bucket
        return not dotted and (host == _GOOGLE or host.endswith(_VIRTUAL))


class S3Stores:
    """What buckets have in common: the library, and where each of them is."""

    def __init__(self, session: aiohttp.ClientSession, library: Library) -> None:
        """Nothing is sent yet."""
        self._session = session
        self.library = library
        self.regions: OrderedDict[tuple[URL, str], str] = OrderedDict()

    @asynccontextmanager
    async def open(self, access: S3Access) -> AsyncIterator[S3Store]:
        """A bucket for one turn; everything that it began has ended with the block."""
        context = await asyncio.to_thread(ssl_context, access.tls, system=True) if access.tls else None
        carrier = Carrier(self._session, context, access.proxy)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bucket") as pool:
            store = S3Store(self, access, carrier, pool)
            try:
                yield store
            finally:
                carrier.stop()
                store.close()


class S3Store:
    """One bucket; see `ObjectStore`."""

    def __init__(
        self, stores: S3Stores, access: S3Access, carrier: Carrier, pool: ThreadPoolExecutor
    ) -> None:
        """See `S3Stores.open`."""
        self._stores = stores
        self._access = access
        self._carrier = carrier
        self._pool = pool
        self._opened: S3Client | None = None

    async def exists(self) -> bool:
        """Whether the bucket is there."""
        check_name(self._access.bucket)
        there = False
        try:
            there = await self._run(lambda: self._client().exists(self._access.bucket))
        finally:
            if not there:  # perhaps it has moved
                self._stores.regions.pop((self._access.endpoint, self._access.bucket), None)
        return there

    async def read(self, key: str, limit: int) -> bytes:
        """A small object."""
        target = _Memory(limit)
        await self._run(lambda: self._client().get(self._access.bucket, key, target))
        return bytes(target.data)

    async def listing(self, prefix: str) -> AsyncIterator[dict[str, str]]:
        """Keys and ETags, a page at a time."""
        old = self._access.endpoint.host == _GOOGLE
        client = await self._run(self._client)
        pages = client.pages(self._access.bucket, prefix, old=old)
        while (page := await self._run(lambda: next(pages, None))) is not None:
            yield page

    async def download(self, key: str, etag: str, file: Path) -> str:
        """Writes an object into a file; its ETag."""
        return await self._run(lambda: self._download(key, etag, file))

    def close(self) -> None:
        """Lets go of what it holds."""
        if self._opened is not None:
            self._opened.close()

    def _download(self, key: str, etag: str, file: Path) -> str:
        client = self._client()
        with file.open("wb", buffering=0) as target:
            try:
                return client.get(self._access.bucket, key, target, etag=etag)
            except StateChanged:
                return client.get(self._access.bucket, key, target)

    def _client(self) -> S3Client:
        """The client, made at the first request, which asks for the region where nobody knows it."""
        if self._opened is None:
            self._opened = self._made(self._region())
        return self._opened

    def _region(self) -> str:
        access, known = self._access, self._stores.regions
        region = (
            access.region or region_of(access.endpoint) or known.get((access.endpoint, access.bucket), "")
        )
        if region or access.credentials is None:
            return region or DEFAULT_REGION
        client = self._made(DEFAULT_REGION)
        try:
            region = client.region(access.bucket)
        finally:
            client.close()
        remember(known, (access.endpoint, access.bucket), region, _REMEMBERED)
        return region

    def _made(self, region: str) -> S3Client:
        access, endpoint = self._access, self._access.endpoint
        if endpoint.host == _AWS_ANYWHERE:
            endpoint = endpoint.with_host(f"s3.{region}.amazonaws.com")
        return self._stores.library.client(
            str(endpoint).rstrip("/"), region, access.credentials, self._carrier, virtual=access.virtual
        )

    async def _run(self, work: Callable[[], T]) -> T:
        def stoppable(stop: Event) -> T:
            del stop  # requests end by themselves
            return work()

        return await run_in_thread(self._pool, stoppable, self._carrier.stop)


class _Memory:
    """Takes in a few bytes."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self._limit = limit

    def write(self, piece: bytes, /) -> None:
        self.data += piece
        if len(self.data) > self._limit:
            raise StoreError(f"it has more than {self._limit} bytes")


def check_name(bucket: str) -> None:
    """Refuses what would be anything but a bucket at the endpoint.

    Raises:
        StoreError: it is no name of a bucket.
    """
    if not _NAME.fullmatch(bucket) or ".." in bucket:
        raise StoreError("spec.bucketName is not the name of a bucket: letters, digits, '.', '_' and '-'")


def region_of(endpoint: URL) -> str:
    """What the name of a host in AWS says about its region."""
    found = _AWS_HOST.fullmatch(endpoint.host or "")
    return found[1] if found else ""
