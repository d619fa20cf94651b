"""Chart.yaml: read as Helm reads it, and what it has to say."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from shared.lang.json import JsonObject
from shared.lang.semver import SemverError, Version
from shared.lang.yaml import Limits as YamlLimits
from shared.lang.yaml import YamlError, load_yaml11, scalar_text
from source_controller.helm_chart.chart.model import Dependency, Metadata, MetadataError

_V1: Final = "v1"
_TYPES: Final = frozenset(("", "application", "library"))
_ALIAS: Final = re.compile(r"[a-zA-Z0-9_-]+")
_BUILD: Final = re.compile(r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*")


def parse(text: bytes) -> Metadata:
    """What a Chart.yaml says, checked.

    Raises:
        MetadataError: it isn't sound.
    """
    raw = document(text, "Chart.yaml")
    metadata = Metadata(
        _text(raw, "name"),
        _text(raw, "version"),
        _text(raw, "apiVersion") or _V1,
        _text(raw, "type"),
        dependencies(raw, "Chart.yaml"),
        raw,
    )
    check(metadata)
    return replace(metadata, raw=raw | {"apiVersion": metadata.api_version, "version": metadata.version})


def document(text: bytes, name: str) -> JsonObject:
    """The YAML object in a file of a chart.

    Raises:
        MetadataError: it is none.
    """
    try:
        value = load_yaml11(text, YamlLimits(size=len(text) + 1))
    except YamlError as error:
        raise MetadataError(f"cannot load {name}: {error}") from error
    if not isinstance(value, dict):
        raise MetadataError(f"cannot load {name}: it is no YAML object")
    return value


def dependencies(raw: JsonObject, name: str) -> tuple[Dependency, ...]:
    """The charts that Chart.yaml, requirements.yaml or a lock file names.

    Raises:
        MetadataError: it names something else.
    """
    listed = raw.get("dependencies") or ()
    if not isinstance(listed, list | tuple):
        raise MetadataError(f"{name}: dependencies is no list")
    found = []
    for one in listed:
        if not isinstance(one, dict):
            raise MetadataError(f"{name}: dependencies must not contain empty or null nodes")
        found.append(Dependency(*(_text(one, key) for key in ("name", "version", "repository", "alias"))))
    return tuple(found)


def check(metadata: Metadata) -> None:
    """Refuses what Helm would not take for a chart.

    Raises:
        MetadataError: it isn't sound; says which field.
    """
    name, version = metadata.name, metadata.version
    if not name:
        raise MetadataError("validation: chart.metadata.name is required")
    if "/" in name or "\\" in name or name in {".", ".."} or not name.isprintable() or len(name) > 250:
        raise MetadataError(f"validation: chart.metadata.name {name[:250]!r} is invalid")
    if not version:
        raise MetadataError("validation: chart.metadata.version is required")
    try:
        Version.parse(version)
    except SemverError as error:
        raise MetadataError(f"validation: chart.metadata.version {version[:80]!r} is invalid") from error
    if metadata.type not in _TYPES:
        raise MetadataError("validation: chart.metadata.type must be application or library")
    maintainers = metadata.raw.get("maintainers") or ()
    if not isinstance(maintainers, list | tuple) or not all(isinstance(one, dict) for one in maintainers):
        raise MetadataError("validation: maintainers must not contain empty or null nodes")
    _check_dependencies(metadata.dependencies)


def _check_dependencies(wanted: tuple[Dependency, ...]) -> None:
    seen: set[str] = set()
    for one in wanted:
        if one.alias and not _ALIAS.fullmatch(one.alias):
            raise MetadataError(f"validation: dependency {one.name!r} has disallowed characters in the alias")
        name = one.alias or one.name
        if name in seen:
            raise MetadataError(f"validation: more than one dependency with name or alias {name!r}")
        seen.add(name)


def versioned(version: str, build: str) -> str:
    """A version with other build metadata, in its canonical spelling.

    Raises:
        MetadataError: it is none, or the metadata is none.
    """
    try:
        found = Version.parse(version)
    except SemverError as error:
        raise MetadataError(f"failed to parse chart version {version[:80]!r}: {error}") from error
    if not _BUILD.fullmatch(build):
        raise MetadataError(f"{build[:80]!r} can't be the build metadata of a version")
    before = f"-{found.prerelease}" if found.prerelease else ""
    return f"{found.major}.{found.minor}.{found.patch}{before}+{build}"


def _text(raw: JsonObject, key: str) -> str:
    """A text; numbers and truth values count as how they are written."""
    value: Any = raw.get(key)
    match value:
        case None:
            return ""
        case str():
            return value
        case int() | float():
            return scalar_text(value)
    raise MetadataError(f"{key} has to be a text")
