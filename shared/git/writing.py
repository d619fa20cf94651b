"""Commits made without a checkout: new blobs, the trees above them, and the text of the commit itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from shared.git.errors import RepositoryCorrupt
from shared.git.objects import Commit
from shared.git.refs import Hash

if TYPE_CHECKING:
    import pygit2

_ID_BYTES: Final = 20
_FORBIDDEN: Final = str.maketrans("", "", "<>\n\r\0")

#: Makes an armored signature of a text.
Sign = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class CommitDraft:
    """What a commit is to say; its author is its committer."""

    name: str
    email: str
    when: datetime
    message: str
    sign: Sign | None = None


def write_commit(
    repository: pygit2.Repository, files: Mapping[str, bytes], base: Commit, draft: CommitDraft
) -> Hash:
    """Writes a commit of some files on top of another one; blocks.

    The files have to be there in the commit below; modes stay as they are.

    Raises:
        RepositoryCorrupt: the commit below can't be read.
    """
    import pygit2  # noqa: PLC0415 - whoever has a repository has loaded it
    from pygit2.enums import ObjectType  # noqa: PLC0415

    try:
        tree = _write_tree(repository, base.tree, _nested(files))
    except (KeyError, ValueError, OSError, pygit2.GitError) as error:
        raise RepositoryCorrupt(f"the tree of {base.hash} can't be read from the local copy") from error
    text = _text(tree, base.hash, draft)
    return Hash(str(repository.odb.write(ObjectType.COMMIT, text)))


def _text(tree: str, parent: str, draft: CommitDraft) -> bytes:
    """The commit by hand: an author without a name is legal, but libgit2 refuses it."""
    name, email = draft.name.translate(_FORBIDDEN).strip(), draft.email.translate(_FORBIDDEN).strip()
    who = f"{name} <{email}> {int(draft.when.timestamp())} +0000"
    head = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n".encode()
    body = f"\n{draft.message}".encode()
    if draft.sign is None:
        return head + body
    signature = draft.sign(head + body).strip("\n").replace("\n", "\n ")
    return head + f"gpgsig {signature}\n".encode() + body


def _nested(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Files by the directories that they are in."""
    found: dict[str, Any] = {}
    for path, content in files.items():
        *directories, name = path.split("/")
        inner = found
        for directory in directories:
            inner = inner.setdefault(directory, {})
        inner[name] = content
    return found


def _write_tree(repository: pygit2.Repository, base: str, changes: Mapping[str, Any]) -> str:
    """A tree like another one but for some of its entries; in bytes, as names need not be text."""
    from pygit2.enums import ObjectType  # noqa: PLC0415 - see above

    wanted = {name.encode(errors="surrogateescape"): change for name, change in changes.items()}
    _, data = repository.read(base)
    parts: list[bytes] = []
    for head, name, id_ in _entries(bytes(data)):
        change = wanted.pop(name, None)
        if change is None:
            parts += [head, id_]
        elif isinstance(change, dict):
            parts += [head, bytes.fromhex(_write_tree(repository, id_.hex(), change))]
        else:
            parts += [head, bytes.fromhex(str(repository.create_blob(change)))]
    if wanted:
        raise KeyError(next(iter(wanted)))
    return str(repository.odb.write(ObjectType.TREE, b"".join(parts)))


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """The entries of a tree: mode and name as they stand, the name alone, the object that it names."""
    at = 0
    while at < len(data):
        end = data.index(b"\0", at) + 1
        head = data[at:end]
        at = end + _ID_BYTES
        yield head, head[:-1].partition(b" ")[2], data[end:at]
