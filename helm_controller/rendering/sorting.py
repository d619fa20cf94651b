"""What templates gave is sorted into hooks and the rest, as Helm does it.

After post-renderers have changed it, the same has to be done again, because a patch may turn one into the
other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from helm_controller.cluster.order import install_sorted
from helm_controller.release.manifest import Document, rendered_documents
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


def hook_documents(hooks: Iterable[Hook]) -> list[Document]:
    """The objects of hooks that templates gave.

    Raises:
        ManifestError: one is no object.
    """
    return [
        Document(hook.path, document.obj)
        for hook in hooks
        for document in rendered_documents(hook.manifest, hook.path)
    ]


def sorted_out(parts: Iterable[Document]) -> tuple[list[Document], list[Hook]]:
    """Objects in install order, and hooks; objects with hook events that nobody knows are neither.

    Within a kind they are in the order of their files.
    """
    objects: list[Document] = []
    hooks: list[Hook] = []
    for part in install_sorted(sorted(parts, key=lambda part: part.path)):
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
