"""`spec.sparseCheckout`: the part of a tree that an object wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.artifact.archive import Entry


class MissingDirectory(Exception):
    """A path of the spec is not in the repository."""

    def __init__(self, path: str) -> None:
        super().__init__(f"sparse checkout dir '{path}' does not exist in repository")


@dataclass(frozen=True, slots=True)
class Sparse:
    """The entries at and below some paths, with the directories that lead there; whole names count."""

    entries: Iterable[Entry]
    paths: frozenset[str]
    parents: frozenset[str]

    def __iter__(self) -> Iterator[Entry]:
        """In the order of the tree."""
        return (entry for entry in self.entries if self._wants(entry.path))

    def _wants(self, path: str) -> bool:
        if path in self.parents:
            return True
        return any(path == wanted or path.startswith(f"{wanted}/") for wanted in self.paths)


def sparse(entries: Iterable[Entry], wanted: Iterable[str]) -> Iterable[Entry]:
    """What is wanted of a tree; all of it where nothing is named. Walks the tree once, so call it in a
    thread.

    Raises:
        MissingDirectory: a path is not there.

    """
    paths = {_normal(path): path for path in wanted}
    if not paths or "" in paths:
        return entries
    missing = paths.keys() - {entry.path for entry in entries if entry.path in paths}
    if missing:
        raise MissingDirectory(paths[min(missing)])
    parents = {
        "/".join(parts[:depth])
        for path in paths
        if (parts := path.split("/"))
        for depth in range(1, len(parts))
    }
    return Sparse(entries, frozenset(paths), frozenset(parents))


def leads_to(path: str, wanted: Iterable[str]) -> bool:
    """Whether something at a path, at one above it, or at one below it is wanted."""
    paths = [_normal(each) for each in wanted]
    there = f"{path}/"
    return not paths or any(
        not each or there.startswith(f"{each}/") or f"{each}/".startswith(there) for each in paths
    )


def _normal(path: str) -> str:
    """A path without `./`, doubled slashes and a slash at its end; `..` stays and matches nothing."""
    return "/".join(part for part in path.split("/") if part not in {"", "."})
