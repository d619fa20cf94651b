"""Commits, and the files of their trees, read straight from a repository without a checkout."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from shared.git.errors import CommitNotFound, GitError, RepositoryCorrupt
from shared.git.refs import Hash
from shared.git.signed import Signed, signed_commit, signed_tag

if TYPE_CHECKING:
    import pygit2

_SUBMODULE: Final = 0o160000
_DEEPEST: Final = 256
_UNSIGNED: Final = Signed(b"")


class UnsafeTree(GitError):
    """A tree has a name in it that would lead out of it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who, and when."""

    name: str
    email: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, and the annotated tag that led to it."""

    hash: Hash
    tree: Hash
    message: str
    author: Signature
    committer: Signature
    parents: tuple[Hash, ...] = ()
    tag: Hash | None = None
    """The tag object; None for everything but annotated tags."""
    signed: Signed = _UNSIGNED
    """The commit as its author signed it, or didn't."""
    signed_tag: Signed | None = None
    """Likewise the tag object; None for everything but annotated tags."""

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.lstrip("\n").partition("\n")[0].rstrip()


def read_commit(repository: pygit2.Repository, name: str) -> Commit:
    """The commit that an object is, or is a tag of.

    Raises:
        CommitNotFound: there is no such object, or it is something else.
    """
    import pygit2  # noqa: PLC0415 - whoever has a repository has loaded it

    try:
        found = repository.get(name)
    except (pygit2.GitError, ValueError, OSError) as error:
        raise RepositoryCorrupt(f"the object {name} can't be read from the local copy") from error
    if found is None:
        raise CommitNotFound(f"unable to resolve commit object for '{name}': object not found")
    try:
        commit = found.peel(pygit2.Commit)
    except (pygit2.GitError, pygit2.InvalidSpecError, ValueError, KeyError) as error:
        raise CommitNotFound(f"unable to resolve commit object for '{name}': it is not a commit") from error
    tagged = isinstance(found, pygit2.Tag)
    raw = commit.read_raw()
    message = raw.partition(b"\n\n")[2]  # libgit2 would leave out empty lines at its start
    return Commit(
        Hash(str(commit.id)),
        Hash(str(commit.tree_id)),
        message.decode(errors="replace"),
        _signature(commit.author),
        _signature(commit.committer),
        tuple(Hash(str(parent)) for parent in commit.parent_ids),
        Hash(name) if tagged else None,
        signed_commit(raw, str(commit.id)),
        signed_tag(found.read_raw()) if tagged else None,
    )


def _signature(signature: pygit2.Signature) -> Signature:
    try:
        when = datetime.fromtimestamp(signature.time, UTC)
    except (OverflowError, ValueError, OSError):
        when = datetime.fromtimestamp(0, UTC)
    return Signature(
        signature.raw_name.decode(errors="replace"), signature.raw_email.decode(errors="replace"), when
    )


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file or directory as archives take them; `path` is relative, with `/` between its components."""

    path: str
    mode: int
    """As in `stat`: a directory, or a regular file with its permissions."""
    content: str
    """The blob; equal names mean equal bytes."""
    reader: Callable[[str], bytes]

    def read(self) -> bytes:
        """All bytes of a file; blocks."""
        return self.reader(self.content)


@dataclass(frozen=True, slots=True)
class GitTree:
    """The content of a commit in the order of archives; may be walked any number of times, in one thread.

    Symbolic links are left out. A submodule has the files of its tree in `modules`; without one it is an
    empty directory, as in a checkout that doesn't recurse.
    """

    repository: pygit2.Repository
    hash: Hash
    modules: Mapping[str, GitTree] = field(default_factory=dict)
    """Trees of submodules by their paths."""

    def __iter__(self) -> Iterator[TreeEntry]:
        """Directories before what is in them, names in the order of their bytes."""
        for path, mode, id_ in self._walk(self.hash, "", 0):
            if stat.S_ISREG(mode):
                yield TreeEntry(path, mode, id_, self._read)
            elif stat.S_ISDIR(mode) or mode == _SUBMODULE:
                yield TreeEntry(path, stat.S_IFDIR | 0o755, "", self._read)
                for entry in self.modules.get(path, ()):
                    yield TreeEntry(f"{path}/{entry.path}", entry.mode, entry.content, entry.reader)

    def links(self) -> Iterator[tuple[str, Hash]]:
        """Paths of submodules, with the commits that belong there; without those inside of submodules."""
        return ((path, Hash(id_)) for path, mode, id_ in self._walk(self.hash, "", 0) if mode == _SUBMODULE)

    def file(self, name: str) -> bytes:
        """The bytes of a file at the root; none if it isn't there, or isn't a file."""
        for raw_name, mode, id_ in self._children(self.hash):
            if raw_name == name.encode() and stat.S_ISREG(mode):
                return self._read(id_)
        return b""

    def _walk(self, tree: str, prefix: str, depth: int) -> Iterator[tuple[str, int, str]]:
        """Path, mode and name of every object, whatever it is."""
        if depth > _DEEPEST:
            raise UnsafeTree(f"the directories below '{prefix[:80]}...' are nested too deeply")
        for raw_name, mode, id_ in sorted(self._children(tree)):
            path = prefix + _safe(raw_name, prefix)
            yield path, mode, id_
            if stat.S_ISDIR(mode):
                yield from self._walk(id_, f"{path}/", depth + 1)

    def _children(self, tree: str) -> list[tuple[bytes, int, str]]:
        import pygit2  # noqa: PLC0415 - whoever has a repository has loaded it

        try:
            found = self.repository.get(tree)
        except (pygit2.GitError, ValueError, OSError):
            found = None
        if not isinstance(found, pygit2.Tree):
            raise RepositoryCorrupt(f"the directory object {tree} can't be read from the local copy")
        return [(child.raw_name or b"", int(child.filemode), str(child.id)) for child in found]

    def _read(self, blob: str) -> bytes:
        import pygit2  # noqa: PLC0415 - whoever has a repository has loaded it

        try:
            _, data = self.repository.read(blob)
        except (KeyError, ValueError, OSError, pygit2.GitError) as error:
            raise RepositoryCorrupt(f"the file object {blob} can't be read from the local copy") from error
        return bytes(data)


def _safe(raw_name: bytes, prefix: str) -> str:
    name = raw_name.decode(errors="surrogateescape")
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise UnsafeTree(f"the directory '{prefix or '.'}' has an entry with the unsafe name {name!r}")
    return name
