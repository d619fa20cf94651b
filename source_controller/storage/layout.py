"""Where artifacts lie: `<kind>/<namespace>/<name>/<file>`, on disk and in URLs.

A `Layout` never gives out a path that leads outside its root, neither by `..` nor by a link in between.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.observe.http import parse_address

LOCK: Final = ".lock"

_COMPONENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]*")
_SUFFIXES: Final = (".tar.gz", ".tgz", ".yaml")


@dataclass(frozen=True, slots=True)
class Place:
    """The object that artifacts belong to."""

    kind: str
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """The directory of the object below the root."""
        return f"{self.kind.lower()}/{self.namespace}/{self.name}"

    def holds(self, path: str) -> bool:
        """Whether the path of an artifact is one of this object's."""
        directory, slash, file = path.rpartition("/")
        return bool(slash) and directory == self.path and is_artifact(file)


def is_artifact(file: str) -> bool:
    """Whether a file name is that of an artifact, not of a lock and not of one that is being written."""
    return _COMPONENT.fullmatch(file) is not None and file.endswith(_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Layout:
    """The root of a storage, and the address it is served at."""

    root: Path
    address: str
    """`host`, `host:port`, or a URL to put in front of every path."""

    def url(self, path: str) -> str:
        """The address of an artifact by its path."""
        base = self.address.rstrip("/")
        if not base.startswith(("http://", "https://")):
            base = f"http://{base}"
        return f"{base}/{path}"

    def directory(self, place: Place) -> Path:
        """The directory of an object, whether it is there or not."""
        return self._below(place.path.split("/"))

    def file(self, path: str) -> Path | None:
        """The regular file of an artifact by its path; None if there is none, or it isn't one."""
        parts = path.split("/")
        if len(parts) != 4 or not is_artifact(parts[-1]):
            return None
        try:
            file = self._below(parts)
            return file if stat.S_ISREG(file.lstat().st_mode) else None
        except (OSError, ValueError):
            return None

    def served(self, path: str) -> Path | None:
        """Like `file`, but a link to an artifact of the same object counts as that artifact."""
        parts = path.split("/")
        if len(parts) != 4 or not is_artifact(parts[-1]):
            return None
        try:
            name = (self._below(parts[:-1]) / parts[-1]).readlink().name
        except (OSError, ValueError):
            return self.file(path)  # no link at all
        return self.file("/".join([*parts[:-1], name]))

    def _below(self, parts: list[str]) -> Path:
        path = self.root
        for part in parts:
            if not _COMPONENT.fullmatch(part):
                raise ValueError(f"the path {'/'.join(parts)[:200]!r} can't be below the storage root")
            path = path / part
            if path.is_symlink():
                raise ValueError(f"the path {'/'.join(parts)[:200]!r} leads through a symbolic link")
        return path


def open_root(path: str) -> Path:
    """The root directory, which must be there already.

    Raises:
        ValueError: it isn't.
    """
    root = Path(path)
    if not root.is_dir():
        raise ValueError(f"--storage-path: {path!r} is not a directory, mount a volume there or create it")
    return root.resolve()


def advertised_address(advertised: str, listening: str, environment: Mapping[str, str] = os.environ) -> str:
    """The address for URLs: as told, or else derived from the one that is listened on.

    Raises:
        ValueError: there is nothing to derive it from.
    """
    if advertised:
        return advertised
    host, port = parse_address(listening, "--storage-addr")
    if host is None:
        return f"localhost:{port}"
    if host == "0.0.0.0":  # noqa: S104 - compared with, not bound to
        return f"{environment.get('HOSTNAME') or socket.gethostname()}:{port}"
    return listening
