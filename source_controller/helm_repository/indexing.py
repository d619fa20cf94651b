"""Reads a downloaded index and writes it as JSON: a program of its own, so that its memory goes with it.

`python -m source_controller.helm_repository.indexing <downloaded> <json>` ends with 0, or with 2 and the
reason on its error output. What it writes is what `index` reads: charts by name, versions of each from
the highest.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from shared.lang.json import JsonError, JsonObject, dumps, kind_of, loads
from shared.lang.semver import SemverError, Version
from shared.lang.yaml import Limits, YamlError, load_yaml11, scalar_text

REFUSED: Final = 2
"""The exit code for an index that can't be used."""

_TYPES: Final = frozenset(("", "application", "library"))
_ALIAS: Final = re.compile(r"[a-zA-Z0-9_-]+")


class IndexRefused(Exception):
    """The text is not an index; says where and why, without repeating it."""


def convert(text: bytes) -> bytes:
    """An index as it was downloaded, as it is stored.

    Raises:
        IndexRefused: it is none.
    """
    if not text.strip():
        raise IndexRefused("empty index.yaml file")
    try:
        return _converted(loads(text), lenient=True)
    except JsonError:
        pass
    try:
        value = load_yaml11(text, Limits(size=len(text)), unique_keys=True)
    except YamlError as error:
        raise IndexRefused(str(error)) from error
    return _converted(value, lenient=False)


def _converted(value: object, *, lenient: bool) -> bytes:
    index = _Reading(lenient=lenient).index(value)
    if not index.get("apiVersion"):
        raise IndexRefused("no API version specified")
    entries: dict[str, list[JsonObject]] = index.pop("entries", {})
    stored = {
        "apiVersion": index.pop("apiVersion"),
        "generated": index.pop("generated", ""),
        "entries": {name: usable(entries[name]) for name in sorted(entries)},
    }
    return dumps(stored | index, indent=True)


def usable(entries: list[JsonObject]) -> list[JsonObject]:
    """The entries that describe a version of a chart, from the highest to the lowest."""
    found: list[tuple[Version, JsonObject]] = []
    for entry in entries:
        version = _version(entry)
        if version is not None:
            entry.setdefault("apiVersion", "v1")
            found.append((version, entry))
    return [entry for _, entry in sorted(found, key=lambda one: one[0], reverse=True)]


def _version(entry: JsonObject) -> Version | None:
    """The version of an entry; None if Helm would not take the entry for a chart."""
    name = entry.get("name", "")
    dependencies, maintainers = entry.get("dependencies", ()), entry.get("maintainers", ())
    sound = (
        bool(name)
        and "/" not in name
        and name not in {".", ".."}
        and entry.get("type", "") in _TYPES
        and None not in maintainers
        and all(one is not None and _sound_alias(one.get("alias", "")) for one in dependencies)
    )
    try:
        return Version.parse(entry.get("version", "")) if sound else None
    except SemverError:
        return None


def _sound_alias(alias: str) -> bool:
    return not alias or _ALIAS.fullmatch(alias) is not None


class _Reading:
    """Brings values to the types that an index has; what is empty is left out."""

    def __init__(self, *, lenient: bool) -> None:
        """JSON may have unknown keys, which are dropped; YAML may have numbers for texts."""
        self._lenient = lenient
        self._dependency: _Fields = {
            **dict.fromkeys(("name", "version", "repository", "condition", "alias"), self._text),
            "tags": self._texts,
            "enabled": self._truth,
            "import-values": self._list_of_any,
        }
        self._maintainer: _Fields = dict.fromkeys(("name", "email", "url"), self._text)
        self._entry: _Fields = {
            **dict.fromkeys(_ENTRY_TEXTS, self._text),
            **dict.fromkeys(("sources", "keywords", "urls"), self._texts),
            **dict.fromkeys(("deprecated", "removed"), self._truth),
            "annotations": self._labels,
            "maintainers": lambda value, at: self._structs(value, at, self._maintainer),
            "dependencies": lambda value, at: self._structs(value, at, self._dependency),
        }
        self._index: _Fields = {
            **dict.fromkeys(("apiVersion", "generated"), self._text),
            "entries": self._entries,
            "publicKeys": self._texts,
            "annotations": self._labels,
            "serverInfo": self._any_mapping,
        }

    def index(self, value: object) -> JsonObject:
        """The whole index."""
        return self._struct(value, "the index", self._index)

    def _struct(self, value: object, at: str, fields: _Fields) -> JsonObject:
        if not isinstance(value, dict):
            raise _wrong(at, "an object", value)
        found: JsonObject = {}
        for key, item in value.items():
            read = fields.get(key)
            if read is None:
                if not self._lenient:
                    raise IndexRefused(f"{at}: unknown field {key[:80]!r}")
            elif item is not None:
                usable = read(item, key)
                if usable or usable is False:
                    found[key] = usable
        return found

    def _entries(self, value: object, at: str) -> dict[str, list[JsonObject]]:
        if not isinstance(value, dict):
            raise _wrong(at, "an object", value)
        found: dict[str, list[JsonObject]] = {}
        for name, entries in value.items():
            listed = self._structs(entries or [], f"{at}.{name[:80]}", self._entry)
            found[name] = [entry for entry in listed if entry is not None]
        return found

    def _structs(self, value: object, at: str, fields: _Fields) -> list[JsonObject | None]:
        return [None if one is None else self._struct(one, at, fields) for one in _list(value, at)]

    def _text(self, value: object, at: str) -> str:
        if isinstance(value, str):
            return value
        if not self._lenient and isinstance(value, int | float):
            return scalar_text(value)
        raise _wrong(at, "a text", value)

    def _texts(self, value: object, at: str) -> list[str]:
        return ["" if one is None else self._text(one, at) for one in _list(value, at)]

    def _truth(self, value: object, at: str) -> bool:
        if not isinstance(value, bool):
            raise _wrong(at, "true or false", value)
        return value

    def _labels(self, value: object, at: str) -> dict[str, str]:
        found = self._any_mapping(value, at)
        return {key: "" if one is None else self._text(one, at) for key, one in found.items()}

    @staticmethod
    def _any_mapping(value: object, at: str) -> JsonObject:
        if not isinstance(value, dict):
            raise _wrong(at, "an object", value)
        return value

    @staticmethod
    def _list_of_any(value: object, at: str) -> list[Any]:
        return _list(value, at)


_Fields = dict[str, Callable[[Any, str], Any]]
_ENTRY_TEXTS: Final = (
    *("name", "version", "apiVersion", "appVersion", "kubeVersion", "type", "description", "home", "icon"),
    *("condition", "tags", "created", "digest", "checksum", "engine", "tillerVersion", "url"),
)


def _list(value: object, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(at, "an array", value)
    return value


def _wrong(at: str, wanted: str, value: object) -> IndexRefused:
    return IndexRefused(f"{at}: {wanted} is needed here, found {kind_of(value)}")


def main(downloaded: str, stored: str) -> int:
    """The program; gives its exit code."""
    try:
        Path(stored).write_bytes(convert(Path(downloaded).read_bytes()))
    except IndexRefused as error:
        sys.stderr.write(str(error))
        return REFUSED
    except MemoryError:
        sys.stderr.write("it needs too much memory")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
