"""The files of a commit that have markers, and what they become."""

from __future__ import annotations

import posixpath
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from image_controllers.automation.setters.edits import TOKEN, Change, EditFailed, NotEdited, ObjectName, edit
from shared.git import GitTree, TreeEntry
from shared.lang.bounded import remember

_ENDINGS: Final = (".yaml", ".yml")
_WHOLE_NAME: Final = "Kustomization"
_MOST_SCREENED: Final = 200_000


class NoSuchPath(Exception):
    """There is no such folder or file; str() names it."""


@dataclass(frozen=True, slots=True)
class Update:
    """What becomes of the files of a commit.

    `files` are new contents by their paths in the repository; `changes` are told by paths below the folder
    that was looked at.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    changes: Mapping[str, Mapping[ObjectName, Sequence[Change]]] = field(default_factory=dict)
    unmatched: Sequence[str] = ()
    """Markers for which there is no policy."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Files that have markers and can't be edited, with the reason."""


class Files:
    """Looks through trees; what has no marker is not read a second time, whatever tree it is in."""

    def __init__(self) -> None:
        self._without: OrderedDict[str, None] = OrderedDict()

    def update(self, tree: GitTree, path: str, value_of: Callable[[str], str | None]) -> Update:
        """What the files below a path become; blocks.

        Raises:
            NoSuchPath: there is no such folder or file.
            EditFailed: a file would not be what it should be.
            RepositoryCorrupt: the tree can't be read.
        """
        files: dict[str, bytes] = {}
        changes: dict[str, Mapping[ObjectName, Sequence[Change]]] = {}
        unmatched: list[str] = []
        skipped: dict[str, str] = {}
        for shown, entry in _below(tree, path):
            content = self._screened(entry)
            if content is None:
                continue
            try:
                edited = edit(content, value_of)
            except NotEdited as error:
                skipped[shown] = str(error)
                continue
            except EditFailed as error:
                raise EditFailed(f"{shown}: {error}") from error
            unmatched += edited.unmatched
            if edited.changes:
                files[entry.path] = edited.content
                changes[shown] = edited.changes
        return Update(files, changes, unmatched, skipped)

    def _screened(self, entry: TreeEntry) -> bytes | None:
        """The content of a file that may have markers."""
        if entry.content in self._without:
            return None
        content = entry.read()
        if TOKEN in content:
            return content
        remember(self._without, entry.content, None, _MOST_SCREENED)
        return None


def _below(tree: GitTree, path: str) -> Iterator[tuple[str, TreeEntry]]:
    """The files below a path, with what they are called there; a path never leads out of the tree."""
    root = posixpath.normpath(f"/{path}").lstrip("/")
    found = not root
    for entry in tree:
        if root and entry.path == root and entry.content:
            if _is_considered(root):
                yield _legible(posixpath.basename(root)), entry
            return
        if root and entry.path == root:
            found = True
        if entry.content and entry.path.startswith(f"{root}/" if root else "") and _is_considered(entry.path):
            found = True
            yield _legible(entry.path.removeprefix(f"{root}/") if root else entry.path), entry
    if not found:
        raise NoSuchPath(f"the path '{path}' does not exist")


def _legible(path: str) -> str:
    """A path as text; bytes that are none are told apart no more."""
    return path.encode(errors="surrogateescape").decode(errors="replace")


def _is_considered(path: str) -> bool:
    name = posixpath.basename(path)
    return name.endswith(_ENDINGS) or name == _WHOLE_NAME
