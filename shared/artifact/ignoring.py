"""Which entries go into an archive: the rules of `.sourceignore` files and of the object itself.

The last rule that matches decides, in this order: version control files, the default list (only where
nobody brings rules of their own), every `.sourceignore` from the root downwards, then the object's.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.artifact.archive import Entry
from shared.lang.globs import ALWAYS_IGNORED, IGNORED_BY_DEFAULT, IgnoreRules

IGNORE_FILE: Final = ".sourceignore"


@dataclass(frozen=True, slots=True)
class Kept:
    """The entries of a tree that aren't ignored, in the same order; can be walked as often as the tree."""

    entries: Iterable[Entry]
    rules: IgnoreRules

    def __iter__(self) -> Iterator[Entry]:
        """Ignoring a directory doesn't ignore what is in it: each entry is asked about alone."""
        ignores = self.rules.ignores
        return (entry for entry in self.entries if not ignores(entry.path, is_dir=stat.S_ISDIR(entry.mode)))


def kept(entries: Iterable[Entry], ignore: str | None) -> Kept:
    """Apply the ignore files of a tree, which is walked once for that, and the patterns of an object."""
    return Kept(entries, rules_of(entries, ignore))


def rules_of(entries: Iterable[Entry], ignore: str | None) -> IgnoreRules:
    """All rules that count for a tree, in order of priority; blocks while it reads the ignore files."""
    own = IgnoreRules()
    for entry in entries:
        *directory, name = entry.path.split("/")
        if name == IGNORE_FILE and not stat.S_ISDIR(entry.mode) and ".git" not in directory:
            text = entry.read().decode(errors="surrogateescape")
            own += IgnoreRules.from_text(text, directory)
    if ignore and ignore.strip():
        own += IgnoreRules.from_text(ignore)
    always = IgnoreRules.from_text(ALWAYS_IGNORED)
    return always + own if own else always + IgnoreRules.from_text(IGNORED_BY_DEFAULT)
