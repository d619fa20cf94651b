"""What controllers do with Git: resolve a reference, fetch a commit, read its files, put another one on top.

There is one local copy per remote and credentials, so many objects that follow one repository share what
was fetched, and never share anything across credentials. Copies that are not in use make room, the longest
unused first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp

from shared.api.source_v1 import GitRepositoryRef
from shared.git.errors import (
    EmptyRepository,
    GitError,
    ReferenceNotFound,
    RemoteError,
    RemoteTimeout,
    RepositoryCorrupt,
    RepositoryNotFound,
)
from shared.git.listings import Listings
from shared.git.objects import Commit, GitTree
from shared.git.refs import Advertisement
from shared.git.remote import Remote
from shared.git.repository import BareRepository
from shared.git.selection import Selected, prefixes, select
from shared.git.ssh import SshAlgorithms
from shared.git.transport import Transport, transport_to
from shared.git.writing import CommitDraft

_THREADS: Final = 4
_KEEP_BYTES: Final = 2 << 30


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit and its files, readable until the block that gave them ends."""

    commit: Commit
    tree: GitTree


@dataclass(frozen=True, slots=True)
class Workspace:
    """A commit, and what it takes to put another one on top of it; usable until its block ends."""

    checkout: Checkout
    remote: Remote
    _copy: BareRepository
    _transport: Transport
    _listings: Listings

    async def commit(self, files: Mapping[str, bytes], draft: CommitDraft) -> Commit:
        """A commit of some files on top; only the copy here knows of it.

        Raises:
            RepositoryCorrupt: what it stands on can't be read.
        """
        try:
            return await self._copy.write(files, self.checkout.commit, draft)
        except RepositoryCorrupt:
            self._copy.mark_broken()
            raise

    async def push(self, refspecs: Sequence[str], options: Sequence[str] = ()) -> None:
        """Send what refspecs name; a commit may stand for its reference on their left side.

        Raises:
            NotFastForward: a reference has moved on and may not be overwritten.
            PushRefused: the server doesn't take one.
            RemoteError: the remote can't be reached or refuses.
        """
        try:
            async with _deadline(self.remote.timeout):
                await self._copy.push(self._transport, refspecs, options)
        finally:
            self._listings.outdate(lambda question: question[0] == self.remote.key)


class GitClient:
    """Fetches from remotes into a directory of its own; close it when nothing is under way any more."""

    def __init__(
        self,
        directory: Path,
        session: aiohttp.ClientSession,
        *,
        ssh: SshAlgorithms | None = None,
        shallow: bool = True,
        threads: int = _THREADS,
        keep_bytes: int = _KEEP_BYTES,
    ) -> None:
        """Use a directory that belongs to this client; what is in it from before is used again.

        Histories are left out if it is `shallow`.
        """
        self._directory = directory
        self._session = session
        self._ssh = ssh or SshAlgorithms()
        self._shallow = shallow
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="git")
        self._keep_bytes = keep_bytes
        self._copies: OrderedDict[str, BareRepository] = OrderedDict()
        self._sizes: dict[Path, int] = {}
        self._listings = Listings()

    async def resolve(
        self, remote: Remote, ref: GitRepositoryRef | None, *, since: float | None = None
    ) -> Selected:
        """Which commit a reference means now; only lists references, and a commit's hash costs nothing.

        What was listed for others after `since`, on the clock of the loop, is good enough.

        Raises:
            EmptyRepository, ReferenceNotFound, CommitNotFound, InvalidReference: it means nothing.
            RemoteError: the remote can't be reached or refuses.
        """
        wanted = prefixes(ref)

        async def committed(selected: Selected) -> datetime:
            async with self.fetch(remote, selected) as checkout:
                return checkout.commit.committer.when

        with _telling(remote, "unable to list remote for"):
            found = await self._list(remote, wanted, since) if wanted else Advertisement()
        if wanted and not found.refs and await self._is_empty(remote, since):
            raise _empty(ref, remote)
        with _telling(remote, "unable to clone"):
            return await select(ref, found, committed)

    async def _list(self, remote: Remote, wanted: Sequence[str], since: float | None) -> Advertisement:
        async def ask() -> Advertisement:
            async with _deadline(remote.timeout):
                return await self._transport(remote).list_refs(wanted)

        return await self._listings.get((remote.key, remote.timeout, tuple(wanted)), ask, since)

    async def _is_empty(self, remote: Remote, since: float | None) -> bool:
        """Whether there is nothing at all; asked only where what was wanted isn't there."""
        with _telling(remote, "unable to list remote for"):
            return not (await self._list(remote, (), since)).refs

    @asynccontextmanager
    async def fetch(self, remote: Remote, selected: Selected) -> AsyncIterator[Checkout]:
        """A commit, fetched unless it is here already; nobody else uses the copy until the block ends."""
        copy = self._copy(remote)
        async with copy.lock:
            with _telling(remote, "unable to clone"):
                async with _deadline(remote.timeout):
                    commit = await copy.fetch(self._transport(remote), selected)
            try:
                with copy.tree(commit) as tree:
                    yield Checkout(commit, tree)
            except RepositoryCorrupt:
                copy.mark_broken()
                raise
            self._sizes[copy.directory] = await asyncio.to_thread(_size, copy.directory)
        await self._make_room()

    @asynccontextmanager
    async def work(self, remote: Remote, selected: Selected) -> AsyncIterator[Workspace]:
        """As `fetch`, for those who add commits."""
        async with self.fetch(remote, selected) as checkout:
            yield Workspace(checkout, remote, self._copy(remote), self._transport(remote), self._listings)

    async def close(self) -> None:
        """Wait for threads that still work; copies stay on disk."""
        await self._listings.close()
        await asyncio.to_thread(self._executor.shutdown)

    def _transport(self, remote: Remote) -> Transport:
        return transport_to(remote, self._session, self._ssh)

    def _copy(self, remote: Remote) -> BareRepository:
        key = remote.key
        if key not in self._copies:
            directory = self._directory / f"{key}.git"
            self._copies[key] = BareRepository(directory, self._executor, shallow=self._shallow)
        self._copies.move_to_end(key)
        return self._copies[key]

    async def _make_room(self) -> None:
        """Empty unused copies, the longest unused first, until the rest fits."""
        total = sum(self._sizes.values())
        for copy in list(self._copies.values()):
            if total <= self._keep_bytes:
                return
            if not copy.lock.locked():
                async with copy.lock:
                    await copy.discard()
                total -= self._sizes.pop(copy.directory, 0)


@contextmanager
def _telling(remote: Remote, what: str) -> Iterator[None]:
    """Errors of the remote in the words that people look for."""
    try:
        yield
    except RepositoryNotFound as error:
        raise RepositoryNotFound(
            f"unable to clone: repository not found: git repository: '{remote.url}'"
        ) from error
    except RemoteError as error:
        raise error.during(f"{what} '{remote.url}'") from error
    except ReferenceNotFound as error:
        raise error.during(f"unable to clone '{remote.url}'") from error


@asynccontextmanager
async def _deadline(limit: timedelta | None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit.total_seconds() if limit else None):
            yield
    except TimeoutError as error:
        raise RemoteTimeout("context deadline exceeded") from error


def _empty(ref: GitRepositoryRef | None, remote: Remote) -> GitError:
    """A branch of an empty repository may be there soon; anything else is asked of it in vain."""
    if ref is None or not (ref.name or ref.tag or ref.semver):
        return EmptyRepository("git repository is empty")
    return RemoteError(f"unable to clone: remote repository is empty: git repository: '{remote.url}'")


def _size(directory: Path) -> int:
    """The bytes of all files below; blocks."""
    return sum(path.lstat().st_size for path in directory.rglob("*"))
