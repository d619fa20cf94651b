"""Manifests of a release as Helm keeps them: documents under the name of the template they came from.

Helm reads a text in two ways. What templates give goes through its post-renderers, where only the true/false
family is boolean and a key that is there twice is an error. What is stored, and what no post-renderer saw, is
YAML 1.1, and the last of equal keys wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from shared.lang import yaml
from shared.lang.json import JsonObject

_SEPARATOR: Final = re.compile(r"^---[ \t]*$", re.MULTILINE)
_SOURCE: Final = re.compile(r"^# Source: (.*)$", re.MULTILINE)
_NOT_BUILT: Final = "unable to build kubernetes objects from release manifest"


class ManifestError(Exception):
    """A manifest is no list of objects; the message names the template, never its content."""


@dataclass(frozen=True, slots=True)
class Document:
    """One object and the path of its template."""

    path: str
    obj: JsonObject

    @property
    def kind(self) -> str:
        """Kind of the object."""
        return str(self.obj.get("kind") or "")


def rendered_documents(manifest: str, path: str = "") -> Iterator[Document]:
    """The objects that templates gave; empty documents are left out.

    Raises:
        ManifestError: one is no object.
    """
    return _documents(manifest, path, yaml.load_all)


def stored_documents(manifest: str, path: str = "") -> Iterator[Document]:
    """The objects of a stored text; empty documents are left out.

    Raises:
        ManifestError: one is no object.
    """
    return _documents(manifest, path, yaml.load_all_yaml11)


def objects_in(manifest: str) -> list[JsonObject]:
    """The objects of a stored manifest; those in a List one by one.

    What has no name is left out: nobody could find it in a cluster.

    Raises:
        ManifestError: one is no object.
    """
    parts = (part for document in stored_documents(manifest) for part in _parts(document))
    return [part.obj for part in parts if _has_name(part)]


def taken_apart(document: Document) -> list[Document]:
    """The document, or those of the objects in a list, which then are of no file.

    Raises:
        ManifestError: an item of a list is no object, or an object has no name.
    """
    parts = _parts(document)
    for part in parts:
        if not _has_name(part):
            problem = f"{part.kind} has no metadata.name; give it one in place of generateName"
            raise ManifestError(_told(document.path, problem))
    return parts


def manifest_of(parts: Iterable[Document]) -> str:
    """The text that Helm would store for the documents."""
    return "".join(f"---\n# Source: {part.path}\n{yaml.dump(part.obj)}" for part in parts)


def checked(value: Any, path: str) -> JsonObject:
    """The value as an object, whose metadata are of the types that everybody counts on.

    Raises:
        ManifestError: it is none.
    """
    problem = _problem(value)
    if problem:
        raise ManifestError(_told(path, problem))
    found: JsonObject = value
    return found


def _documents(manifest: str, path: str, read: Callable[[str], list[Any]]) -> Iterator[Document]:
    for part in _SEPARATOR.split(manifest):
        source = _SOURCE.search(part)
        path = source[1].strip() if source else path
        try:
            values = read(part)
        except yaml.YamlError as error:
            raise ManifestError(f"unable to parse the manifest of {path}: {error}") from error
        for value in values:
            if value is not None:
                yield Document(path, checked(value, path))


def _parts(document: Document) -> list[Document]:
    if not _is_list(document.obj):
        return [document]
    return [Document("", checked(item, document.path)) for item in document.obj["items"]]


def _has_name(part: Document) -> bool:
    return bool((part.obj.get("metadata") or {}).get("name"))


def _told(path: str, problem: str) -> str:
    return ": ".join(filter(None, (_NOT_BUILT, path, problem)))


def _problem(value: Any) -> str:
    if not isinstance(value, dict) or not value.get("kind") or not value.get("apiVersion"):
        return "each document needs apiVersion and kind"
    for key in ("kind", "apiVersion"):
        if not isinstance(value[key], str):
            return f"{key} must be a string"
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return "" if _is_list(value) else "no metadata"
    for key in ("name", "namespace"):
        if not isinstance(metadata.get(key), str | None):
            return f"metadata.{key} must be a string, put it in quotes"
    for key in ("labels", "annotations"):
        if not isinstance(metadata.get(key), dict | None):
            return f"metadata.{key} must be a map"
    return ""


def _is_list(value: JsonObject) -> bool:
    return str(value["kind"]).endswith("List") and isinstance(value.get("items"), list)
