"""The settings of libgit2, which are global to the process, in one place; and how repositories are opened.

Packs are read through small windows and few objects are cached: the archive reads every blob once, so a
cache would only be memory.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pygit2

_CACHE_BYTES: Final = 4 << 20
_CACHED_BLOB_BYTES: Final = 0
_CACHED_TREE_BYTES: Final = 4096
_WINDOW_BYTES: Final = 1 << 20
_MAPPED_BYTES: Final = 16 << 20
_SILENCE_MILLISECONDS: Final = 10 * 60 * 1000
"""Only a safety net: the bridge knows the real time limit and cuts the connection."""


@functools.cache
def _configure() -> None:
    import pygit2  # noqa: PLC0415 - loaded when the first repository is opened
    from pygit2.enums import ConfigLevel, ObjectType  # noqa: PLC0415

    settings = pygit2.settings
    settings.owner_validation = False  # the directories are ours, whatever user a volume shows
    settings.cache_max_size(_CACHE_BYTES)
    settings.cache_object_limit(ObjectType.BLOB, _CACHED_BLOB_BYTES)
    settings.cache_object_limit(ObjectType.TREE, _CACHED_TREE_BYTES)
    settings.mwindow_size = _WINDOW_BYTES
    settings.mwindow_mapped_limit = _MAPPED_BYTES
    settings.server_connect_timeout = _SILENCE_MILLISECONDS
    settings.server_timeout = _SILENCE_MILLISECONDS
    settings.enable_strict_hash_verification(True)
    for level in (ConfigLevel.SYSTEM, ConfigLevel.GLOBAL, ConfigLevel.XDG, ConfigLevel.PROGRAMDATA):
        settings.search_path[level] = ""  # no configuration of the machine counts


def create(directory: Path) -> None:
    """Make an empty bare repository."""
    _configure()
    import pygit2  # noqa: PLC0415 - see above

    pygit2.init_repository(str(directory), bare=True)


@contextmanager
def open_repository(directory: Path) -> Iterator[pygit2.Repository]:
    """A bare repository, open until the block ends; the object belongs to one thread at a time.

    What libgit2 holds for it is let go at once: the object itself refers to itself, so it stays until the
    next collection of garbage.
    """
    _configure()
    import pygit2  # noqa: PLC0415 - see above

    repository = pygit2.Repository(str(directory))
    try:
        yield repository
    finally:
        repository.free()
