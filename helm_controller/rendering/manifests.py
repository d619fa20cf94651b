"""Manifests of a release as Helm keeps them: documents under the name of the template they came from.

Helm sorts what templates give into hooks and the rest. After post-renderers have changed it, the same has to
be done again, because a patch may turn one into the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from helm_controller.cluster.order import install_sorted
from helm_controller.release.model import Hook
from shared.lang import yaml
from shared.lang.json import JsonObject

HOOK: Final = "helm.sh/hook"
_WEIGHT: Final = "helm.sh/hook-weight"
_DELETE: Final = "helm.sh/hook-delete-policy"
_OUTPUT: Final = "helm.sh/hook-output-log-policy"
_EVENTS: Final = {
    "pre-install": "pre-install",
    "post-install": "post-install",
    "pre-delete": "pre-delete",
    "post-delete": "post-delete",
    "pre-upgrade": "pre-upgrade",
    "post-upgrade": "post-upgrade",
    "pre-rollback": "pre-rollback",
    "post-rollback": "post-rollback",
    "test": "test",
    "test-success": "test",
}
_SEPARATOR: Final = re.compile(r"^---[ \t]*$", re.MULTILINE)
_SOURCE: Final = re.compile(r"^# Source: (.*)$", re.MULTILINE)


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


def documents(manifest: str) -> Iterator[Document]:
    """The objects of a manifest; empty documents are left out.

    Raises:
        ManifestError: one is no object.
    """
    path = ""
    for part in _SEPARATOR.split(manifest):
        source = _SOURCE.search(part)
        path = source[1].strip() if source else path
        try:
            values = yaml.load_all(part)
        except yaml.YamlError as error:
            raise ManifestError(f"unable to parse the manifest of {path}: {error}") from error
        for value in values:
            if value is not None:
                yield Document(path, _object(value, path))


def objects_in(manifest: str) -> list[JsonObject]:
    """The objects of a manifest; those in a List one by one.

    Raises:
        ManifestError: one is no object.
    """
    found: list[JsonObject] = []
    for document in documents(manifest):
        found += _expanded(document)
    return found


def hook_documents(hooks: Iterable[Hook]) -> list[Document]:
    """The objects of hooks."""
    return [Document(hook.path, document.obj) for hook in hooks for document in documents(hook.manifest)]


def manifest_of(parts: Iterable[Document]) -> str:
    """The text that Helm would store for the documents."""
    return "".join(f"---\n# Source: {part.path}\n{yaml.dump(part.obj)}" for part in parts)


def sorted_out(parts: Iterable[Document]) -> tuple[list[Document], list[Hook]]:
    """Objects in install order, and hooks; objects with hook events that nobody knows are neither."""
    objects: list[Document] = []
    hooks: list[Hook] = []
    for part in install_sorted(parts):
        annotations = _annotations(part.obj)
        if HOOK not in annotations:
            objects.append(part)
            continue
        events = _words(annotations, HOOK)
        known = tuple(dict.fromkeys(_EVENTS[event] for event in events if event in _EVENTS))
        if known:
            hooks.append(_hook(part, known, annotations))
    return objects, hooks


def _hook(part: Document, events: tuple[str, ...], annotations: dict[str, str]) -> Hook:
    weight = str(annotations.get(_WEIGHT) or "0")
    return Hook(
        name=str((part.obj.get("metadata") or {}).get("name") or ""),
        kind=part.kind,
        path=part.path,
        manifest=yaml.dump(part.obj),
        events=events,
        weight=int(weight) if re.fullmatch(r"[+-]?[0-9]+", weight) else 0,
        delete_policies=tuple(_words(annotations, _DELETE)),
        output_log_policies=tuple(_words(annotations, _OUTPUT)),
    )


def _words(annotations: dict[str, str], key: str) -> list[str]:
    return [word for part in str(annotations.get(key) or "").split(",") if (word := part.strip().lower())]


def _annotations(obj: JsonObject) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("annotations") or {}


def _object(value: Any, path: str) -> JsonObject:
    if not isinstance(value, dict) or not value.get("kind") or not value.get("apiVersion"):
        raise ManifestError(
            f"unable to build kubernetes objects from release manifest: {path}: "
            "each document needs apiVersion and kind"
        )
    if not isinstance(value.get("metadata"), dict) and not _is_list(value):
        raise ManifestError(f"unable to build kubernetes objects from release manifest: {path}: no metadata")
    return value


def _is_list(value: JsonObject) -> bool:
    return str(value["kind"]).endswith("List") and isinstance(value.get("items"), list)


def _expanded(document: Document) -> list[JsonObject]:
    if not _is_list(document.obj):
        return [document.obj]
    return [_object(item, document.path) for item in document.obj["items"]]
