"""Whether the file of an artifact is still there, and still what was written.

A file is read again only when its inode, size or time has changed, and every six hours in any case.
Files are checked in threads while the event loop writes and forgets others, so what is known is only ever
touched by single operations of a dict.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.api.meta import Artifact
from shared.lang.digest import Digest, DigestError
from shared.observe.clock import Clock
from source_controller.storage.layout import Layout, Place

_CHUNK: Final = 1 << 20
_TRUSTED_FOR: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an artifact is as it should be; one that isn't is just missing if there is no reason."""

    whole: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was when its digest was computed."""

    inode: int
    size: int
    modified: int
    digest: Digest
    at: float


class Integrity:
    """Checks files against digests, and remembers what it has read."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        """Nothing is known yet."""
        self._layout = layout
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def check(self, place: Place, artifact: Artifact) -> Verdict:
        """Compare a file with the digest that its artifact promises; blocks."""
        file = self._layout.file(artifact.path) if place.holds(artifact.path) else None
        if file is None:
            self._seen.pop(artifact.path, None)
            return Verdict(whole=False)
        if not artifact.digest:
            return Verdict(False, "artifact has no digest")
        try:
            wanted = Digest.parse(artifact.digest)
        except DigestError as error:
            return Verdict(False, f"failed to parse artifact digest '{artifact.digest}': {error}")
        try:
            sound = self._is_known(artifact.path, file, wanted) or self._is_sound(artifact.path, file, wanted)
        except OSError:
            return Verdict(whole=False)
        if sound:
            return Verdict(whole=True)
        return Verdict(False, f"computed digest doesn't match '{artifact.digest}'")

    def remember(self, path: str, file: Path, digest: Digest) -> None:
        """A file has just been read or written and has this digest."""
        self._keep(path, file.lstat(), digest)

    def forget(self, path: str) -> None:
        """A file, or everything below a directory, is gone."""
        for known in list(self._seen):
            if known == path or known.startswith(f"{path}/"):
                self._seen.pop(known, None)

    def digest_of(self, path: str) -> Digest | None:
        """The digest of a file as far as known, without reading it."""
        seen = self._seen.get(path)
        return seen.digest if seen else None

    def _keep(self, path: str, found: os.stat_result, digest: Digest) -> None:
        self._seen[path] = _Seen(
            found.st_ino, found.st_size, found.st_mtime_ns, digest, self._clock.monotonic()
        )

    def _is_known(self, path: str, file: Path, wanted: Digest) -> bool:
        seen, found = self._seen.get(path), file.lstat()
        return (
            seen is not None
            and seen.digest == wanted
            and (seen.inode, seen.size, seen.modified) == (found.st_ino, found.st_size, found.st_mtime_ns)
            and self._clock.monotonic() - seen.at < _TRUSTED_FOR.total_seconds()
        )

    def _is_sound(self, path: str, file: Path, wanted: Digest) -> bool:
        running = wanted.hasher()
        with file.open("rb", buffering=0) as stream:
            found = os.fstat(stream.fileno())  # before reading: a change from here on is noticed next time
            while chunk := stream.read(_CHUNK):
                running.update(chunk)
        if not wanted.matches(running):
            self._seen.pop(path, None)
            return False
        self._keep(path, found, wanted)
        return True
