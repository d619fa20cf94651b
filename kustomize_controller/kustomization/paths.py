"""Paths inside an artifact, which nothing may leave.

Trees are unpacked without links, so a path is confined by its words alone: `..` at the root stays at the
root. Paths travel as `PurePosixPath`-like strings relative to the root; "." is the root itself.
"""

import os
import posixpath
from pathlib import Path

from kustomize_controller.kustomization.request import PathNotFound


def confined(path: str) -> str:
    """A path from a spec, relative to the root: leading `/` and `..` can't lead above it."""
    return posixpath.normpath("/" + path).lstrip("/") or "."


def resolved(base: str, reference: str) -> str | None:
    """Where a relative reference from a directory leads, or None if it leaves the root."""
    target = posixpath.normpath(posixpath.join(base, reference))
    outside = posixpath.isabs(reference) or target == ".." or target.startswith("../")
    return None if outside else target


def holds_file(root: Path, relative: str) -> bool:
    """Whether there is such a file; a name that can't exist is no error but a no."""
    return os.path.isfile(root / relative)  # noqa: PTH113 - unlike Path, it knows no impossible names


def holds_directory(root: Path, relative: str) -> bool:
    """Whether there is such a directory; a name that can't exist is no error but a no."""
    return os.path.isdir(root / relative)  # noqa: PTH112 - unlike Path, it knows no impossible names


def directory_at(root: Path, path: str) -> str:
    """The relative path of an existing directory of the tree; `PathNotFound` otherwise."""
    relative = confined(path)
    if not holds_directory(root, relative):
        raise PathNotFound(f"kustomization path not found: no directory '{relative}' in the artifact")
    return relative
