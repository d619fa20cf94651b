"""Files of values: found in a chart or a tree, and merged in their order.

Maps are merged with maps; everything else, lists too, takes the place of what was there. A null stays.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from shared.lang.json import JsonObject
from shared.lang.yaml import Limits as YamlLimits
from shared.lang.yaml import YamlError, dump, load_yaml11
from source_controller.helm_chart.chart.model import VALUES, Chart, Limits, ValuesError
from source_controller.paths import clamped

Merged = tuple[bytes, tuple[str, ...]]
"""YAML text, and the files that are in it."""


def effective(values_files: Sequence[str]) -> bool:
    """Whether a list of files makes a difference: the chart's own values alone don't."""
    own = len(values_files) == 1 and posixpath.normpath(values_files[0]) == VALUES
    return bool(values_files) and not own


def merge(files: Iterable[tuple[str, bytes]]) -> bytes:
    """The values in files, given by name and content, as one YAML text; empty if there are none.

    Raises:
        ValuesError: a file isn't a YAML map; names it.
    """
    merged: JsonObject = {}
    for name, content in files:
        merged = _merged(merged, _read(name, content))
    return dump(merged).encode() if merged else b""


def values_of(chart: Chart, names: Sequence[str], ignore_missing: bool) -> Merged:
    """The values in files of the chart itself.

    Raises:
        ValuesError: a file is missing, or is no YAML map.
    """

    def find(name: str) -> bytes | None:
        path = posixpath.normpath(name)
        if path.startswith("templates/"):
            return None
        return chart.files.get(path, b"" if path == VALUES else None)

    def missing(name: str) -> ValuesError:
        return ValuesError(f"failed to merge chart values: no values file found at path '{name}'")

    return _collected(names, find, missing, ignore_missing=ignore_missing)


def values_at(root: Path, names: Sequence[str], ignore_missing: bool, limits: Limits) -> Merged:
    """The values in files below a root, where no path leads out of; blocks.

    Raises:
        ValuesError: a file is missing, too large, or no YAML map.
        OSError: it can't be read.
    """

    def find(name: str) -> bytes | None:
        file = _file(root, name)
        if file is None:
            return None
        if file.stat().st_size > limits.file:
            raise ValuesError(f"the values file '{name}' is larger than {limits.file} bytes")
        return file.read_bytes()

    def missing(name: str) -> ValuesError:
        path = "/".join(clamped(name))
        return ValuesError(f"no values file found at path '/{path}' (reference '{name}')")

    return _collected(names, find, missing, ignore_missing=ignore_missing)


def _collected(
    names: Sequence[str],
    find: Callable[[str], bytes | None],
    missing: Callable[[str], ValuesError],
    *,
    ignore_missing: bool,
) -> Merged:
    found: list[tuple[str, bytes]] = []
    for name in names:
        content = find(name)
        if content is not None:
            found.append((name, content))
        elif not ignore_missing:
            raise missing(name)
    return merge(found), tuple(name for name, _ in found)


def _file(root: Path, name: str) -> Path | None:
    """The regular file that a path means, links included as long as they stay below the root."""
    top = root.resolve()
    try:
        target = top.joinpath(*clamped(name)).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return target if top in target.parents and target.is_file() else None


def _read(name: str, content: bytes) -> JsonObject:
    try:
        value = load_yaml11(content, YamlLimits(size=len(content) + 1))
    except YamlError as error:
        raise ValuesError(f"unmarshaling values from '{name}' failed: {error}") from error
    if value is not None and not isinstance(value, dict):
        raise ValuesError(f"unmarshaling values from '{name}' failed: it is no YAML map")
    return value or {}


def _merged(below: JsonObject, above: JsonObject) -> JsonObject:
    merged = dict(below)
    for key, value in above.items():
        there = merged.get(key)
        both = isinstance(value, dict) and isinstance(there, dict)
        merged[key] = _merged(there, value) if both else value  # type: ignore[arg-type]
    return merged
