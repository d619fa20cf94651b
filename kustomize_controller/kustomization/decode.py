"""From the text of a build to the objects that are wanted.

Lists are flattened and empty documents dropped. A document that is something, but no Kubernetes object,
fails the build: leaving it out would look like its removal from the source, and get a live object pruned.
"""

import re
from collections.abc import Iterator
from typing import Any

from kustomize_controller.kustomization.request import BuildFailed
from shared.lang import yaml
from shared.lang.json import JsonObject

SEPARATOR = "---\n"
_SEPARATOR_LINE = re.compile(r"^---\n", re.MULTILINE)


def documents(text: str) -> list[str]:
    """The texts of the single manifests; a line of three dashes separates them and nothing else."""
    return [document for document in _SEPARATOR_LINE.split(text) if document.strip()]


def objects(texts: list[str]) -> list[JsonObject]:
    """Decode manifests, in their order."""
    try:
        decoded = [value for text in texts for value in yaml.load_all_yaml11(text)]
    except yaml.YamlError:
        # The cause is cut off on purpose: it may quote the values of Secrets.
        raise BuildFailed("failed to decode the built manifests: they are no valid YAML") from None
    return [manifest for value in decoded for manifest in _flattened(value)]


def _flattened(value: Any) -> Iterator[JsonObject]:
    if value is None or value == {}:
        return
    if (
        isinstance(value, dict)
        and str(value.get("kind", "")).endswith("List")
        and isinstance(value.get("items"), list)
    ):
        for item in value["items"]:
            yield from _flattened(item)
    elif not _is_object(value):
        raise BuildFailed(f"failed to decode Kubernetes apiVersion, kind and name from: {_summary(value)}")
    elif not _is_kustomization(value):
        yield value


def _is_object(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    metadata = value.get("metadata")
    identity = (
        value.get("apiVersion"),
        value.get("kind"),
        metadata.get("name") if isinstance(metadata, dict) else "",
    )
    return all(isinstance(part, str) and part for part in identity)


def _is_kustomization(manifest: JsonObject) -> bool:
    group = str(manifest["apiVersion"]).partition("/")[0]
    return group == "kustomize.config.k8s.io" and manifest["kind"] == "Kustomization"


def _summary(value: Any) -> str:
    """What identifies a manifest, without its content, which may be secret."""
    if not isinstance(value, dict):
        return f"a document that is no mapping but {type(value).__name__}"
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"apiVersion {value.get('apiVersion')!r}, kind {value.get('kind')!r}, name {name!r}"
