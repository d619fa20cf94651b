"""Paths inside an artifact, which nothing may leave.

Trees are unpacked without links, so a path is confined by its words alone: `..` at the root stays at the
root. Paths travel as `PurePosixPath`-like strings relative to the root; "." is the root itself.
"""

import posixpath
from pathlib import Path

from kustomize_controller.kustomization.request import BuildFailed


def confined(path: str) -> str:
    """A path from a spec, relative to the root: leading `/` and `..` can't lead above it."""
    return posixpath.normpath("/" + path).lstrip("/") or "."


def resolved(base: str, reference: str) -> str | None:
    """Where a relative reference from a directory leads, or None if it leaves the root."""
    target = posixpath.normpath(posixpath.join(base, reference))
    outside = posixpath.isabs(reference) or target == ".." or target.startswith("../")
    return None if outside else target


def directory_at(root: Path, path: str) -> str:
    """The relative path of an existing directory of the tree; otherwise the build fails."""
    relative = confined(path)
    if "\0" in relative or not (root / relative).is_dir():
        raise BuildFailed(f"kustomization path not found: no directory '{relative}' in the artifact")
    return relative
