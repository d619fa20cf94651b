"""Our own copy of a remote: a bare repository that only grows by what is new.

A branch or tag is fetched at depth 1, unless all of its history is wanted, on top of what was fetched last;
an unchanged file is never transferred twice. The copy is a cache and treated as such: whenever it turns out
to be damaged, or has collected too many packs, it is thrown away and made anew.

One operation at a time: callers hold `lock` while they fetch and while they read a tree.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

from shared.git.errors import CommitNotFound, GitError, ReferenceNotFound, RemoteError, RepositoryCorrupt
from shared.git.http import RECEIVER
from shared.git.libgit2 import create, open_repository
from shared.git.objects import Commit, GitTree, read_commit
from shared.git.pushing import push
from shared.git.refs import Hash
from shared.git.selection import Selected
from shared.git.threads import Stopped, run_in_thread
from shared.git.transport import Bridge, Transport
from shared.git.writing import CommitDraft, write_commit

if TYPE_CHECKING:
    import pygit2

_INCOMING: Final = "refs/headrace/incoming"
_KEPT: Final = "refs/headrace/kept"
_HISTORY: Final = "refs/headrace/history/"
_EVERY_BRANCH: Final = "refs/heads/*"
_SHALLOW: Final = 1
_WHOLE: Final = 0
"""No depth at all, which servers need not know about."""
_DEEPENED: Final = 0x7FFFFFFF
"""The depth that makes a shallow repository whole."""
_MOST_PACKS: Final = 50


class BareRepository:
    """A bare repository in a directory that nobody else uses."""

    def __init__(self, directory: Path, executor: Executor, *, shallow: bool = True) -> None:
        """Nothing is read or written yet; one that is not `shallow` has all of the history."""
        self.directory = directory
        self.lock = asyncio.Lock()
        self._executor = executor
        self._shallow = shallow
        self._swept = False
        self._broken = False
        self._fresh = False

    async def fetch(self, transport: Transport, selected: Selected) -> Commit:
        """Bring the selected commit here, unless it is here already.

        Raises:
            ReferenceNotFound, CommitNotFound: the remote doesn't have it any more.
            RemoteError: the remote can't be reached or refuses.
        """
        known = await self._open(selected.target)
        if known is not None:
            return known
        async with transport.bridge() as bridge:
            try:
                return await self._fetch(bridge, selected)
            except (RepositoryCorrupt, RemoteError):
                if bridge.error is not None or self._fresh:
                    raise
            await self.discard()  # the remote answered well, so the fault may be here
            await self._open(selected.target)
            return await self._fetch(bridge, selected)

    async def push(self, transport: Transport, refspecs: Sequence[str], options: Sequence[str]) -> None:
        """Send what refspecs name, each reference or nothing of it.

        Raises:
            NotFastForward: a reference has moved on and may not be overwritten.
            PushRefused: the server doesn't take one; tells what it says.
            RemoteError: the remote can't be reached or refuses.
        """
        async with transport.bridge(RECEIVER) as bridge:

            def work(stop: Event) -> None:
                push(self.directory, bridge.url, refspecs, options, stop)

            try:
                await run_in_thread(self._executor, work, bridge.cut)
            except GitError:
                if bridge.error is not None:
                    raise bridge.error from None
                raise

    async def write(self, files: Mapping[str, bytes], base: Commit, draft: CommitDraft) -> Commit:
        """Add a commit of some files on top of another one; nothing but the copy here knows of it.

        Raises:
            RepositoryCorrupt: what it stands on can't be read.
        """

        def work(_stop: Event) -> Commit:
            with open_repository(self.directory) as repository:
                name = write_commit(repository, files, base, draft)
                return read_commit(repository, name)

        return await run_in_thread(self._executor, work)

    async def discard(self) -> None:
        """Throw everything away; the next fetch starts from nothing."""
        await run_in_thread(self._executor, lambda _: shutil.rmtree(self.directory, ignore_errors=True))
        self._broken = False

    @contextmanager
    def tree(self, commit: Commit) -> Iterator[GitTree]:
        """The files of a commit; walk them in a thread, and report damage with `mark_broken`."""
        with open_repository(self.directory) as repository:
            yield GitTree(repository, commit.tree)

    def mark_broken(self) -> None:
        """The next fetch starts from nothing."""
        self._broken = True

    async def _open(self, wanted: Hash) -> Commit | None:
        """Make sure that there is a sound repository; the wanted commit if it is there."""
        if self._broken:
            await self.discard()
        return await run_in_thread(self._executor, lambda _: self._prepare(wanted))

    def _prepare(self, wanted: Hash) -> Commit | None:
        import pygit2  # noqa: PLC0415 - loaded with the first repository

        if not self._swept:
            _sweep(self.directory)
            self._swept = True
        if len(list(self.directory.glob("objects/pack/*.pack"))) > _MOST_PACKS:
            shutil.rmtree(self.directory)
        self._fresh = False
        try:
            with open_repository(self.directory) as repository:
                return _known(repository, wanted)
        except (pygit2.GitError, RepositoryCorrupt, KeyError, ValueError, OSError):
            shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        create(self.directory)
        self._fresh = True
        return None

    async def _fetch(self, bridge: Bridge, selected: Selected) -> Commit:
        depth = _SHALLOW if self._shallow else _WHOLE
        if not selected.pinned:
            return await self._one(bridge, selected.reference, depth)
        try:
            return await self._one(bridge, selected.commit, depth)
        except GitError:  # the server doesn't give commits by their hash
            if bridge.error is not None:
                raise
        everything = not selected.reference
        source = _EVERY_BRANCH if everything else selected.reference
        depth = _DEEPENED if self._shallow else _WHOLE
        await self._transfer(bridge, [f"+{source}:{_HISTORY}{'*' if everything else 'one'}"], depth)
        return await self._read(selected.commit)

    async def _one(self, bridge: Bridge, source: str, depth: int) -> Commit:
        """Fetch one reference or commit."""
        await self._transfer(bridge, [f"+{source}:{_INCOMING}"], depth)
        return await run_in_thread(self._executor, lambda _: self._keep(source))

    async def _transfer(self, bridge: Bridge, refspecs: list[str], depth: int) -> None:
        def work(stop: Event) -> None:
            _transfer(self.directory, bridge.url, refspecs, depth, stop)

        bridge.error = None
        try:
            await run_in_thread(self._executor, work, bridge.cut)
        except GitError:
            if bridge.error is not None:
                raise bridge.error from None
            raise

    async def _read(self, commit: str) -> Commit:
        def work(_stop: Event) -> Commit:
            with open_repository(self.directory) as repository:
                return read_commit(repository, commit)

        return await run_in_thread(self._executor, work)

    def _keep(self, source: str) -> Commit:
        """Take over what came in, as what the next fetch builds upon."""
        with open_repository(self.directory) as repository:
            incoming = repository.references.get(_INCOMING)
            if incoming is None:
                raise ReferenceNotFound(f'couldn\'t find remote ref "{source}"')
            commit = read_commit(repository, str(incoming.target))
            repository.references.create(_KEPT, incoming.target, force=True)
            incoming.delete()
            return commit


def _known(repository: pygit2.Repository, wanted: Hash) -> Commit | None:
    """A commit that is here, tree and all."""
    try:
        commit = read_commit(repository, wanted)
    except CommitNotFound:
        return None
    return commit if commit.tree in repository else None


def _transfer(directory: Path, url: str, refspecs: list[str], depth: int, stop: Event) -> None:
    import pygit2  # noqa: PLC0415 - loaded with the first repository

    class Watching(pygit2.RemoteCallbacks):
        def transfer_progress(self, stats: object) -> None:
            del stats
            if stop.is_set():
                raise Stopped

    try:
        with open_repository(directory) as repository:
            remote = repository.remotes.create_anonymous(url)
            remote.fetch(refspecs, callbacks=Watching(), proxy=None, depth=depth)
    except Stopped:
        raise
    except pygit2.GitError as error:
        raise RemoteError(str(error).replace(url, "the remote")) from error


def _sweep(directory: Path) -> None:
    """Remove what a process that was killed has left behind."""
    patterns: tuple[tuple[Path, str], ...] = (
        (directory / "objects" / "pack", "pack_git2_*"),
        (directory / "objects" / "pack", "*.lock"),
        (directory / "objects", "tmp_*"),
        (directory, "*.lock"),
        (directory / "refs", "**/*.lock"),
    )
    for place, pattern in patterns:
        for path in place.glob(pattern):
            path.unlink(missing_ok=True)
