"""Download artifacts once, check them, and lend out their unpacked trees.

An artifact is named by its digest. However many consumers ask for the same digest at the same time, it is
downloaded and unpacked once; the tree is then shared, so **nobody may ever write into it**. A tree in use
is never removed; unused ones stay until newer ones need their place.

Not a byte is used before the whole download has the digest that the status of the source promises.

    ArtifactError
      ArtifactNotFound          the server has no such file (yet): worth another try soon, not a failure
      ArtifactDownloadFailed    the server can't be reached or refuses, after all retries
      ArtifactCorrupt           the digest doesn't match, or the archive may not be unpacked
"""

import asyncio
import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO

import aiohttp
from yarl import URL

from shared.artifact.extract import ArchiveRefused, ExtractLimits, extract
from shared.lang.digest import Algorithm, Digest, DigestError, Hasher

Sleep = Callable[[timedelta], Awaitable[None]]

_CHUNK = 1 << 20
_AS_IT_IS = {"Accept-Encoding": "identity"}
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(seconds=30)


class ArtifactError(Exception):
    """An artifact can't be had."""


class ArtifactNotFound(ArtifactError):
    """The server has no such file; its source may be about to write it."""


class ArtifactDownloadFailed(ArtifactError):
    """The download failed, after all retries."""


class ArtifactCorrupt(ArtifactError):
    """What was downloaded isn't what the status of the source promises, or may not be unpacked."""


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """How persistent and how generous downloads are."""

    retries: int = 9
    idle_timeout: timedelta = timedelta(seconds=60)
    """How long the server may stay silent."""
    max_download: int | None = None
    """Bytes; None means no limit."""
    extract: ExtractLimits = field(default_factory=ExtractLimits)
    keep_trees: int = 32
    keep_bytes: int = 2 << 30
    """Unused trees are removed, oldest first, while there are more or larger ones than this."""


@dataclass(slots=True)
class _Tree:
    path: Path
    size: int
    users: int = 0


@dataclass(slots=True)
class _Flight:
    """One download that is under way, and how many wait for it."""

    task: "asyncio.Task[_Tree]" = field(init=False)
    waiting: int = 0
    tree: _Tree | None = None


class ArtifactFetcher:
    """Lends out the unpacked trees of artifacts; close it to remove them all.

    `host` (`name` or `name:port`) replaces the host of every URL, for tests and port-forwards.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        scratch: Path,
        *,
        policy: FetchPolicy | None = None,
        host: str = "",
        sleep: Sleep | None = None,
    ) -> None:
        """Use a scratch directory that belongs to this fetcher alone."""
        self._session = session
        self._scratch = scratch
        self._policy = policy or FetchPolicy()
        self._host = host
        self._sleep = sleep or _sleep
        self._trees: OrderedDict[Digest, _Tree] = OrderedDict()
        self._flights: dict[Digest, _Flight] = {}

    @asynccontextmanager
    async def fetch(self, url: str, digest: str) -> AsyncIterator[Path]:
        """Lend the tree of an artifact: it stays there, read-only by agreement, until the block ends."""
        try:
            wanted = Digest.parse(digest, bare=Algorithm.SHA256)
        except DigestError as error:
            raise ArtifactCorrupt(f"failed to verify archive: {error}") from error
        tree = await self._borrow(url, wanted)
        try:
            yield tree.path
        finally:
            tree.users -= 1
            await self._make_room()

    async def close(self) -> None:
        """Stop downloads and remove every tree."""
        for flight in list(self._flights.values()):
            flight.task.cancel()
        await asyncio.gather(*(flight.task for flight in self._flights.values()), return_exceptions=True)
        self._trees.clear()
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)

    async def _borrow(self, url: str, digest: Digest) -> _Tree:
        """The tree of a digest, counted as used, from the shelf or from a download that all share."""
        tree = self._trees.get(digest)
        if tree is not None:
            self._trees.move_to_end(digest)
            tree.users += 1
            return tree
        flight = self._flights.get(digest)
        if flight is None:
            flight = self._flights[digest] = _Flight()
            flight.task = asyncio.create_task(self._obtain(url, digest), name=f"fetch-{digest.hex[:12]}")
            flight.task.add_done_callback(lambda task: self._landed(digest, task))
        return await self._wait(flight)

    async def _wait(self, flight: _Flight) -> _Tree:
        """Wait together with others; giving up leaves the download to them, or to the next who asks."""
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            flight.waiting -= 1
            if flight.tree is not None:
                flight.tree.users -= 1
            raise

    def _landed(self, digest: Digest, task: "asyncio.Task[_Tree]") -> None:
        """Put a tree on the shelf, already counted for those who waited: it can't vanish before they wake."""
        flight = self._flights.pop(digest)
        if not task.cancelled() and task.exception() is None:
            flight.tree = self._trees[digest] = task.result()
            flight.tree.users = flight.waiting

    async def _obtain(self, url: str, digest: Digest) -> _Tree:
        archive = await asyncio.to_thread(self._new_file)
        try:
            await self._download(url, digest, archive)
            return await asyncio.to_thread(self._unpack, Path(archive.name), digest)
        finally:
            archive.close()
            await asyncio.to_thread(Path(archive.name).unlink, missing_ok=True)

    def _new_file(self) -> IO[bytes]:
        self._scratch.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="download-", dir=self._scratch)
        os.close(handle)
        return Path(name).open("wb", buffering=0)

    def _unpack(self, archive: Path, digest: Digest) -> _Tree:
        target = Path(tempfile.mkdtemp(prefix=f"{digest.hex[:16]}-", dir=self._scratch))
        try:
            extracted = extract(archive, target, self._policy.extract)
        except BaseException as error:
            shutil.rmtree(target, ignore_errors=True)
            if isinstance(error, ArchiveRefused):
                raise ArtifactCorrupt(f"failed to extract archive: {error}") from error
            raise
        return _Tree(target, extracted.size)

    async def _download(self, url: str, digest: Digest, file: IO[bytes]) -> None:
        """Fill the file, retrying what may pass; the file holds verified bytes afterwards."""
        address = self._address(url)
        for attempt in range(self._policy.retries + 1):
            wait = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
            try:
                running = await self._receive(address, digest, file)
            except _Transient as trouble:
                if attempt == self._policy.retries:
                    raise ArtifactDownloadFailed(str(trouble)) from trouble.__cause__
                await self._sleep(wait if trouble.after is None else min(trouble.after, _LONGEST_WAIT))
                continue
            if not digest.matches(running):
                raise ArtifactCorrupt(
                    f"failed to verify archive: computed digest doesn't match provided '{digest}' "
                    f"(computed '{digest.algorithm}:{running.hexdigest()}')"
                )
            return

    async def _receive(self, address: URL, digest: Digest, file: IO[bytes]) -> Hasher:
        """One attempt: stream the body into the file while hashing it."""
        limit = self._policy.max_download
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=10, sock_read=self._policy.idle_timeout.total_seconds()
        )
        running, received = digest.hasher(), 0
        await asyncio.to_thread(_rewind, file)
        try:
            async with self._session.get(address, timeout=timeout, headers=_AS_IT_IS) as answer:
                _check(address, answer)
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    received += len(chunk)
                    if limit is not None and received > limit:
                        raise ArtifactCorrupt(
                            f"the archive at {_shown(address)} is larger than {limit} bytes"
                        )
                    await asyncio.to_thread(_take, file, running, chunk)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            reason = str(error) or type(error).__name__
            raise _Transient(f"failed to download archive from {_shown(address)}: {reason}") from error
        return running

    def _address(self, url: str) -> URL:
        try:
            address = URL(url, encoded=True)
            other = URL(f"//{self._host}")
        except ValueError as error:
            raise ArtifactDownloadFailed(f"the artifact has an invalid URL: {error}") from error
        if address.scheme not in ("http", "https") or not address.host:
            raise ArtifactDownloadFailed(
                "the artifact has an invalid URL: http or https and a host are needed"
            )
        if not self._host:
            return address
        return URL.build(
            scheme=address.scheme,
            host=other.host or "",
            port=other.explicit_port,
            path=address.raw_path,
            query_string=address.raw_query_string,
            encoded=True,
        )

    async def _make_room(self) -> None:
        """Remove unused trees, the longest unused first, until the rest fits."""
        total = sum(tree.size for tree in self._trees.values())
        doomed: list[_Tree] = []
        for digest, tree in list(self._trees.items()):
            if len(self._trees) <= self._policy.keep_trees and total <= self._policy.keep_bytes:
                break
            if tree.users == 0:
                del self._trees[digest]
                total -= tree.size
                doomed.append(tree)
        for tree in doomed:
            await asyncio.to_thread(shutil.rmtree, tree.path, ignore_errors=True)


class _Transient(Exception):
    """Trouble that may pass; `after` is how long the server asked to wait."""

    def __init__(self, message: str, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


def _check(address: URL, answer: aiohttp.ClientResponse) -> None:
    if answer.status == 200:
        return
    if answer.status == 404:
        raise ArtifactNotFound(f"artifact not found at {_shown(address)}")
    message = f"failed to download archive from {_shown(address)} (status: {answer.status} {answer.reason})"
    if answer.status == 429 or (answer.status >= 500 and answer.status != 501):
        seconds = answer.headers.get("Retry-After", "")
        raise _Transient(message, timedelta(seconds=int(seconds)) if seconds.isdecimal() else None)
    raise ArtifactDownloadFailed(message)


def _shown(address: URL) -> str:
    return str(address.with_user(None).with_query(None).with_fragment(None))


def _take(file: IO[bytes], running: Hasher, chunk: bytes) -> None:
    running.update(chunk)
    file.write(chunk)


def _rewind(file: IO[bytes]) -> None:
    file.seek(0)
    file.truncate()


async def _sleep(duration: timedelta) -> None:
    await asyncio.sleep(duration.total_seconds())
