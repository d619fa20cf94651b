"""What is in a bucket: which objects count, their revision, and where each goes in an archive."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from shared.api.meta import Artifact
from shared.artifact.ignoring import IGNORE_FILE
from shared.lang.digest import Algorithm, Digest, DigestError, hasher
from shared.lang.globs import IgnoreRules
from source_controller.paths import clamped

_LONGEST_NAME: Final = 255
_DEEPEST: Final = 128


class UnusableKey(Exception):
    """An object whose key can't be a path beside the others; names it, and says what can be done."""


@dataclass(frozen=True, slots=True)
class Index:
    """The objects that count: key -> ETag, which is never more than a name for a state of the object."""

    etags: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many objects there are."""
        return len(self.etags)

    def digest(self, algorithm: Algorithm) -> Digest:
        """The digest over all keys and ETags."""
        running = hasher(algorithm)
        for key in sorted(self.etags, key=_bytes):
            running.update(b"%s %s\n" % (_bytes(key), _bytes(self.etags[key])))
        return Digest(algorithm, running.hexdigest())

    def is_in(self, artifact: Artifact) -> bool:
        """Whether an artifact was made of this; the algorithm may have been changed since."""
        try:
            known = Digest.parse(artifact.revision)
        except DigestError:
            return False
        return self.digest(known.algorithm) == known


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects count: no directories, and nothing that the patterns leave out; none are built in."""

    rules: IgnoreRules

    @classmethod
    def of(cls, ignore_file: bytes | None, ignore: str | None) -> Self:
        """The patterns of the bucket, then those of the object, which have the last word."""
        text = (ignore_file or b"").decode(errors="surrogateescape")
        return cls(IgnoreRules.from_text(text) + IgnoreRules.from_text(ignore or ""))

    def __call__(self, key: str) -> bool:
        """Whether the object counts."""
        return not key.endswith("/") and key != IGNORE_FILE and not self.rules.ignores(key)


def paths(keys: Iterable[str]) -> dict[str, str]:
    """Key -> path in the archive.

    Raises:
        UnusableKey: a key is no path, or two would be in each other's way.
    """
    found = {key: path_of(key) for key in sorted(keys, key=_bytes)}
    files: dict[str, str] = {}
    directories: dict[str, str] = {}
    for key, path in found.items():
        folded = path.casefold()
        above = list(_above(folded))
        twin = files.get(folded) or directories.get(folded)
        twin = twin or next((files[each] for each in above if each in files), None)
        if twin:
            raise UnusableKey(
                f"the objects '{_short(twin)}' and '{_short(key)}' can't both be files of one tree, "
                "rename one or leave it out by spec.ignore"
            )
        files[folded] = key
        for directory in above:
            directories.setdefault(directory, key)
    return found


def path_of(key: str) -> str:
    """Where an object goes: never above the root, whatever its key says.

    Raises:
        UnusableKey: nowhere.
    """
    parts = clamped(key)
    why = _refusal(parts)
    if why:
        raise UnusableKey(
            f"the key of the object '{_short(key)}' {why}, rename it or leave it out by spec.ignore"
        )
    return "/".join(parts)


def _refusal(parts: Sequence[str]) -> str:
    """Why nobody could unpack a file of this name, if so."""
    if not parts:
        return "names no file"
    if len(parts) > _DEEPEST or any(len(_bytes(part)) > _LONGEST_NAME for part in parts):
        return "is too deep or has a name that is too long"
    if any("\0" in part or "\\" in part for part in parts) or any(part.endswith("..") for part in parts[:-1]):
        return "has a NUL character, a backslash or '../' in a name"
    return ""


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _bytes(text: str) -> bytes:
    return os.fsencode(text)


def _short(key: str) -> str:
    return key[:200].encode("unicode_escape").decode() if not key.isprintable() else key[:200]
