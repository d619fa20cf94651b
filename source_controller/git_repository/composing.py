"""The tree of a commit with parts of other artifacts in it, as one walk over all of them.

Nothing is unpacked. As the names of every layer come in the same order, walking the layers side by side
gives the names of the whole in that order, too. What would have failed as moves into a directory, one
after the other, fails here before anything is written.
"""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from threading import Event
from typing import Final

from shared.api.source_v1 import GitRepository
from shared.artifact.archive import Entry
from shared.artifact.extract import ArchiveRefused, ExtractLimits
from shared.artifact.stored import StoredArchive, StoredPart, order
from shared.git.threads import Stopped
from shared.lang.digest import Digest, DigestError
from shared.runtime.outcome import Failure
from source_controller.artifacts import STORAGE_FAILED
from source_controller.git_repository.conditions import Reason
from source_controller.git_repository.included import Included, NotAvailable
from source_controller.paths import clamped
from source_controller.storage import Place, Storage

_CHUNK: Final = 1 << 20
_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 4096


class _Kind(Enum):
    FILE = "a file"
    EMPTY = "an empty directory"
    FULL = "a directory that is not empty"


@dataclass(frozen=True, slots=True)
class Part:
    """An include whose archive is open."""

    included: Included
    entries: StoredPart

    @property
    def target(self) -> str:
        """Where it goes, below the root of the whole."""
        return "/".join(self.entries.target)


@dataclass(frozen=True, slots=True)
class Composed:
    """Layers as one tree; where two have the same path, the later one counts."""

    layers: tuple[Iterable[Entry], ...]

    def __iter__(self) -> Iterator[Entry]:
        """In the order of archives; an entry can be read until the next one is asked for."""
        last = ""
        for entry in heapq.merge(*reversed(self.layers), key=lambda each: order(each.path.split("/"))):
            if entry.path != last:
                last = entry.path
                yield entry


@contextmanager
def opened(
    storage: Storage, namespace: str, includes: Sequence[Included], stop: Event
) -> Iterator[tuple[Part, ...]]:
    """The archives of includes, checked against their digests and open until the block ends; blocks.

    What was opened stays readable whatever happens to the file's name meanwhile.

    Raises:
        NotAvailable: a file isn't there.
        Failure: a file isn't what its artifact says, or a path can't be used.
    """
    with ExitStack() as stack:
        parts = []
        for included in includes:
            target = _target(included)
            place = Place(GitRepository.KIND, namespace, included.name)
            path = included.artifact.path
            file = storage.layout.file(path) if place.holds(path) else None
            if file is None:
                raise NotAvailable.without_artifact(included.name)
            handle = _open(file, included)
            stack.callback(os.close, handle)
            _verify(handle, included, stop)
            archive = StoredArchive(handle, included.artifact.digest, ExtractLimits())
            parts.append(Part(included, StoredPart(archive, clamped(included.from_path), target)))
        yield tuple(parts)


def composed(base: Iterable[Entry], parts: Sequence[Part]) -> Iterable[Entry]:
    """A tree with includes at their places; walks everything once, so call it in a thread.

    Raises:
        Failure: a part isn't in its artifact, or its place is taken.
    """
    if not parts:
        return base
    wanted = frozenset(path for part in parts for path in _upwards(part.target))
    there = _survey(base, wanted)
    for part in parts:
        try:
            coming = _survey(part.entries, wanted)
        except ArchiveRefused as error:
            raise _copy_failure(part.included, str(error)) from error
        problem = _problem(part.target, there, coming)
        if problem:
            raise _copy_failure(part.included, problem)
        full = {path for path, kind in there.items() if kind is _Kind.FULL}
        there |= coming | dict.fromkeys(full, _Kind.FULL)
    return Composed((base, *(part.entries for part in parts)))


def _target(included: Included) -> tuple[str, ...]:
    parts = clamped(included.to_path)
    path = "/".join(parts)
    why = ""
    if "\0" in path or "\\" in path:
        why = "it has a NUL character or a backslash, and nobody would unpack that"
    elif len(os.fsencode(path)) > _LONGEST_PATH or any(len(os.fsencode(p)) > _LONGEST_NAME for p in parts):
        why = "it is too long"
    if why:
        text = f"path calculation for include '{included.name}' failed: spec.include.toPath: {why}"
        raise Failure(Reason.ILLEGAL_PATH, text, condition=STORAGE_FAILED)
    return parts


def _open(file: Path, included: Included) -> int:
    try:
        return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotAvailable.without_artifact(included.name) from None
    except OSError as error:
        raise _copy_failure(included, error.strerror or "input/output error") from error


def _verify(handle: int, included: Included, stop: Event) -> None:
    wanted = included.artifact.digest
    try:
        digest = Digest.parse(wanted)
    except DigestError as error:
        raise _copy_failure(included, f"failed to parse artifact digest '{wanted}': {error}") from error
    running, position = digest.hasher(), 0
    while chunk := os.pread(handle, _CHUNK, position):
        if stop.is_set():
            raise Stopped
        running.update(chunk)
        position += len(chunk)
    if not digest.matches(running):
        raise _copy_failure(included, f"computed digest doesn't match '{wanted}'")


def _survey(entries: Iterable[Entry], wanted: frozenset[str]) -> dict[str, _Kind]:
    """What is at some paths."""
    found: dict[str, _Kind] = {}
    for entry in entries:
        if entry.path in wanted:
            found[entry.path] = _Kind.EMPTY if stat.S_ISDIR(entry.mode) else _Kind.FILE
        parent = entry.path.rpartition("/")[0]
        if parent in wanted:
            found[parent] = _Kind.FULL
    return found


def _problem(target: str, there: dict[str, _Kind], coming: dict[str, _Kind]) -> str:
    """Why something can't be moved to a path; nothing if it can."""
    if not target:
        return "the root of the artifact exists already, set spec.include.toPath to a directory below it"
    if target not in coming:
        return "no such file or directory in the included artifact"
    for path in _upwards(target)[1:]:
        if there.get(path) is _Kind.FILE:
            return f"'{path}' is a file"
    taken = there.get(target)
    if taken is _Kind.FULL or (taken and (taken is _Kind.FILE) != (coming[target] is _Kind.FILE)):
        return f"'{target}' exists already and is {taken.value}"
    return ""


def _upwards(path: str) -> list[str]:
    """A path and all directories above it but the root."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]


def _copy_failure(included: Included, why: str) -> Failure:
    what = f"'{included.name}' include from {included.from_path} to {included.to_path}"
    return Failure(Reason.COPY_FAILURE, f"failed to copy {what}: {why}", condition=STORAGE_FAILED)
