"""Results of builds, kept in memory and compressed.

A build without remote references is a pure function of the files it reads, its root file and its
directory. So its result is kept under a name made of those. A second, cheaper name (artifact digest and
request) leads to the first, so that an unchanged artifact needs no look at its files at all.

Only what kustomize made is kept here: nothing decrypted, nothing with variables filled in.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from kustomize_controller.kustomization.confine import Survey
from kustomize_controller.kustomization.generate import Root
from kustomize_controller.kustomization.request import BuildRequest
from shared.lang.bounded import remember


@dataclass(frozen=True, slots=True)
class Usage:
    """What the cache has done so far, for metrics."""

    hits: int
    misses: int
    entries: int
    size: int


class BuildCache:
    """A bounded map from the name of a build to its result; the longest unused goes first."""

    def __init__(self, capacity: int = 64 << 20, names: int = 10_000) -> None:
        """Bound the compressed bytes, and the count of the cheaper names."""
        self._capacity = capacity
        self._most_names = names
        self._results: OrderedDict[str, bytes] = OrderedDict()
        self._names: OrderedDict[str, str] = OrderedDict()
        self._size = self._hits = self._misses = 0

    @property
    def usage(self) -> Usage:
        """Counters so far, and what is held now."""
        return Usage(self._hits, self._misses, len(self._results), self._size)

    def known(self, request: BuildRequest) -> str | None:
        """The key of the result that this request led to before, if the artifact is named."""
        name = _name(request)
        return self._names.get(name) if name else None

    def get(self, key: str) -> bytes | None:
        """The packed result under a key."""
        packed = self._results.get(key)
        if packed is None:
            self._misses += 1
            return None
        self._hits += 1
        self._results.move_to_end(key)
        return packed

    def put(self, key: str, packed: bytes) -> None:
        """Keep a packed result, dropping older ones to make room."""
        self._size += len(packed) - len(self._results.pop(key, b""))
        self._results[key] = packed
        while self._size > self._capacity:
            _, dropped = self._results.popitem(last=False)
            self._size -= len(dropped)

    def remember(self, request: BuildRequest, key: str) -> None:
        """Note where the result of a request is."""
        name = _name(request)
        if name:
            remember(self._names, name, key, self._most_names)


def content_key(tree_digest: str, root: Root, surveyed: Survey) -> str | None:
    """The name of a build by all that goes into it; None if it reads from other machines."""
    if surveyed.remote:
        return None
    return _hash(tree_digest, root.directory, root.file_name, root.text)


def _name(request: BuildRequest) -> str | None:
    if not request.artifact_digest:
        return None
    return _hash(request.artifact_digest, request.path, repr(request.overlay))


def _hash(*parts: str) -> str:
    running = hashlib.sha256()
    for part in parts:
        running.update(f"{len(part)} {part}".encode("utf-8", "surrogateescape"))
    return running.hexdigest()


def pack(text: str) -> bytes:
    """Compress a result; apart from the cache, because it takes time and the cache belongs to the loop."""
    from isal import isal_zlib  # noqa: PLC0415 - an extra, needed once something is built

    return bytes(isal_zlib.compress(text.encode(), 1))


def unpack(packed: bytes) -> str:
    """The result that was packed."""
    from isal import isal_zlib  # noqa: PLC0415 - an extra, needed once something is built

    return bytes(isal_zlib.decompress(packed)).decode()
