"""Revisions: the text that says which state of a source an artifact holds.

A revision is a name, a digest, or both: `main@sha1:<hash>`, `sha1:<hash>`, `refs/tags/v1@sha1:<hash>`,
`latest@sha256:<hash>`, or `6.5.4` for a chart. Controllers compare revisions as text, so the same state
must always be written the same way. Objects from older installations still carry forms without an
algorithm (`main/<hash>`, `HEAD/<hash>`, `<hash>`); `Revision.parse` converts them, so comparing two parsed
revisions is always right.
"""

import re
from dataclasses import dataclass
from typing import Self

_ALGORITHMS = {40: "sha1", 64: "sha256"}
_UNKNOWN = "<unknown>"
_HASH = re.compile(r"[0-9a-f]+")
_MODERN = re.compile(r"(?:(?P<name>.*)@)?(?P<algorithm>[^:@/]+):(?P<hash>[^:@/]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Revision:
    """A named state of a source; equal states have equal revisions."""

    name: str
    algorithm: str
    hash: str

    @classmethod
    def of_commit(cls, commit: str, name: str = "") -> Self:
        """The revision of a commit by its hex id; `name` is the branch, the tag or the absolute reference."""
        return cls(name, _ALGORITHMS.get(len(commit), _UNKNOWN), commit)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a revision in any form, converting the legacy ones; a text without a hash is just a name."""
        modern = _MODERN.fullmatch(text)
        if modern:
            return cls(modern["name"] or "", modern["algorithm"], modern["hash"])
        name, slash, commit = text.rpartition("/")
        if ":" not in text and len(commit) in _ALGORITHMS and _HASH.fullmatch(commit):
            return cls.of_commit(commit, "" if not slash or name == "HEAD" else name)
        return cls(text, "", "")

    @property
    def digest(self) -> str:
        """The part after the name, `sha1:<hash>`; empty for a plain version."""
        return f"{self.algorithm}:{self.hash}" if self.hash else ""

    def __str__(self) -> str:
        """The form on the wire."""
        if not self.hash:
            return self.name
        return f"{self.name}@{self.digest}" if self.name else self.digest


def branch_or_tag(reference: str) -> str:
    """The short name of a full reference: `refs/heads/feature/x` is `feature/x`."""
    parts = reference.split("/", 2)
    return parts[2] if len(parts) == 3 and parts[0] == "refs" else reference
