"""The root kustomization file: found or scanned, then overlaid with what the spec says.

kustomize builds a directory that has a kustomization file. Either the directory has one, which is read
leniently, or one is made that lists the manifests found below it. In both cases the result is a new file:
the tree itself belongs to everyone and stays untouched.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kustomize_controller.kustomization.paths import directory_at, holds_directory, holds_file, resolved
from kustomize_controller.kustomization.request import BuildFailed, ImageOverride, Overlay
from kustomize_controller.kustomization.shape import AmbiguousField, recognised
from shared.lang import yaml
from shared.lang.json import JsonObject

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The names of a kustomization file, the first one that exists wins."""

_NOT_LOCAL = (
    "git::",
    "gh:",
    "ssh://",
    "https://",
    "http://",
    "git@",
    "github.com:",
    "github.com/",
    "file:///",
)


@dataclass(frozen=True, slots=True)
class Root:
    """The kustomization file to build, and where in the tree it belongs."""

    directory: str
    file_name: str
    document: JsonObject
    text: str


def generate(tree: Path, path: str, overlay: Overlay) -> Root:
    """Make the root file for a path of the tree; blocking, and it writes nothing."""
    directory = directory_at(tree, path)
    name = next((name for name in FILE_NAMES if holds_file(tree, f"{directory}/{name}")), None)
    document = _scanned(tree, directory) if name is None else _loaded(tree, directory, name)
    _lay_over(document, overlay, tree, directory)
    return Root(directory, name or FILE_NAMES[0], document, yaml.dump(document))


def _loaded(tree: Path, directory: str, name: str) -> JsonObject:
    """The existing file without its unknown fields."""
    where = os.path.normpath(f"{directory}/{name}")
    try:
        content = yaml.load((tree / where).read_bytes())
        if content is not None and not isinstance(content, dict):
            raise BuildFailed(f"failed to decode kustomization file '{where}': it must be a mapping")
        document = recognised(content or {})
    except (yaml.YamlError, AmbiguousField) as error:
        raise BuildFailed(f"failed to decode kustomization file '{where}': {error}") from error
    document.setdefault("apiVersion", _api_version(document))
    document.setdefault("kind", "Kustomization")
    if not document.get("resources"):
        # kustomize refuses a file that holds nothing it would build. A harmless field keeps the build going,
        # and what generators make then carries its origin: live objects show it, so it can't be left out.
        document["buildMetadata"] = ["originAnnotations"]
    return document


def _api_version(document: JsonObject) -> str:
    component = document.get("kind") == "Component"
    return "kustomize.config.k8s.io/" + ("v1alpha1" if component else "v1beta1")


def _scanned(tree: Path, directory: str) -> JsonObject:
    """A file that lists every manifest below; an empty one builds nothing, so everything is pruned."""
    document: JsonObject = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    resources = [f"./{found}" for found in _manifests(tree / directory, directory)]
    if resources:
        document["resources"] = resources
    else:
        document["namespace"] = "_placeholder"
    return document


def _manifests(top: Path, shown: str, below: str = "") -> Iterator[str]:
    """Manifests and nested kustomizations in lexical order, relative to the top."""
    with os.scandir(top / below) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        name = f"{below}{entry.name}"
        if entry.is_dir():
            if any(holds_file(top, f"{name}/{known}") for known in FILE_NAMES):
                yield name
            else:
                yield from _manifests(top, shown, f"{name}/")
        elif name.endswith((".yaml", ".yml")):
            _check_manifest(top / name, os.path.normpath(f"{shown}/{name}"))
            yield name


def _check_manifest(file: Path, shown: str) -> None:
    """Whether each document of a file is a Kubernetes object; anything else fails the build by name."""
    try:
        documents = yaml.load_all(file.read_bytes())
    except yaml.YamlError as error:
        raise BuildFailed(f"failed to decode Kubernetes YAML from {shown}: {error}") from error
    for document in documents:
        if not document:
            continue
        missing = _missing_identity(document)
        if missing:
            raise BuildFailed(f"failed to decode Kubernetes YAML from {shown}: {missing}")


def _missing_identity(document: Any) -> str:
    if not isinstance(document, dict):
        return "a document is not a mapping"
    kind, metadata = document.get("kind"), document.get("metadata")
    if not isinstance(kind, str) or not kind:
        return "a document has no 'kind'"
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not name and not kind.endswith("List"):
        return f"a document of kind {kind} has no 'metadata.name'"
    return ""


def _lay_over(document: JsonObject, overlay: Overlay, tree: Path, directory: str) -> None:
    fields = {
        "namespace": overlay.target_namespace,
        "namePrefix": overlay.name_prefix,
        "nameSuffix": overlay.name_suffix,
        "buildMetadata": list(overlay.build_metadata),
    }
    document.update({name: value for name, value in fields.items() if value})
    _append(document, "patches", overlay.patches)
    _append(document, "components", _components(overlay, tree, directory))
    if overlay.images:
        document["images"] = merged_images(_list(document, "images"), overlay.images)


def _append(document: JsonObject, field: str, additions: Iterable[Any]) -> None:
    additions = list(additions)
    if additions:
        document[field] = [*_list(document, field), *additions]


def _list(document: JsonObject, field: str) -> list[Any]:
    value = document.get(field) or []
    if not isinstance(value, list):
        raise BuildFailed(f"failed to decode kustomization file: field '{field}' must be a list")
    return value


def _components(overlay: Overlay, tree: Path, directory: str) -> Iterator[str]:
    for component in overlay.components:
        if component.casefold().startswith(_NOT_LOCAL) or component.startswith("/"):
            raise BuildFailed(f"component path '{component}' must be local and relative")
        if overlay.ignore_missing_components:
            target = resolved(directory, component)
            if target is not None and not (holds_directory(tree, target) or holds_file(tree, target)):
                continue
        yield component


def merged_images(existing: list[Any], overrides: tuple[ImageOverride, ...]) -> list[JsonObject]:
    """Lay overrides over the entries of the same name; tag and digest go together, one drops the other."""
    images: list[JsonObject] = [dict(image) for image in existing if isinstance(image, dict)]
    for override in overrides:
        image = next((image for image in images if image.get("name") == override.name), None)
        if image is None:
            image = {"name": override.name}
            images.append(image)
        if override.new_name:
            image["newName"] = override.new_name
        if override.new_tag or override.digest:
            image.pop("newTag", None)
            image.pop("digest", None)
            if override.new_tag:
                image["newTag"] = override.new_tag
            if override.digest:
                image["digest"] = override.digest
    return images
