"""The definitions in the `crds` folders of a chart and of those of its sub-charts that are enabled."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from helm_controller.rendering.chart_tree import ChartTree, ValuesDoNotFit
from helm_controller.values.merging import merge
from shared.kube.resources import split_api_version
from shared.lang import yaml
from shared.lang.json import JsonObject, kind_of, mapping, mappings

_LARGEST: Final = 64 << 20
_GROUP: Final = "apiextensions.k8s.io"
_DEFINITION: Final = "CustomResourceDefinition"
#: What else lies in a `crds` folder, such as a README, is for people.
_MANIFESTS: Final = (".yaml", ".yml", ".json")

Files = dict[str, bytes]


class UnreadableDefinition(Exception):
    """A file in a `crds` folder is no YAML, or nobody can tell which of them count."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """The definitions, those of the chart itself first."""

    objects: list[JsonObject] = field(default_factory=list)
    #: What else is in the manifests, each with its file.
    ignored: list[str] = field(default_factory=list)


def definitions(chart: Path, values: JsonObject) -> Definitions:
    """All definitions of a chart that is unpacked in a folder.

    Raises:
        UnreadableDefinition: a file can't be read, or the values don't fit the sub-charts.
    """
    files = {
        path.relative_to(chart).as_posix(): path.read_bytes()
        for path in sorted(chart.rglob("*"))
        if path.is_file() and _matters(path.relative_to(chart).as_posix())
    }
    try:
        tree = _tree(files, chart.name).with_enabled(values)
    except ValuesDoNotFit as error:
        raise UnreadableDefinition(str(error)) from error
    found = Definitions()
    for part in tree.walk():
        for path, content in part.definitions.items():
            for obj in _objects(content, path):
                if _is_definition(obj):
                    found.objects.append(obj)
                else:
                    found.ignored.append(f"{path}: {_named(obj)}")
    return found


def _matters(path: str) -> bool:
    return path.startswith(("crds/", "charts/")) or path in ("Chart.yaml", "values.yaml", "requirements.yaml")


def _tree(files: Files, name: str) -> ChartTree:
    metadata = {**_metadata(files, "Chart.yaml"), **_metadata(files, "requirements.yaml")}
    dependencies = metadata.get("dependencies")
    return ChartTree(
        name=str(metadata.get("name") or name),
        version=str(metadata.get("version") or ""),
        defaults=_defaults(files),
        dependencies=mappings(dependencies) if isinstance(dependencies, list) else None,
        subcharts=tuple(_tree(content, name) for name, content in _subcharts(files)),
        definitions={
            path: files[path]
            for path in sorted(files)
            if path.startswith("crds/") and path.lower().endswith(_MANIFESTS)
        },
    )


def _is_definition(obj: JsonObject) -> bool:
    group, _ = split_api_version(str(obj.get("apiVersion") or ""))
    named = isinstance(mapping(obj.get("metadata")).get("name"), str)
    return (group, obj.get("kind")) == (_GROUP, _DEFINITION) and named


def _named(obj: JsonObject) -> str:
    return f"{obj.get('kind') or 'no kind'}/{mapping(obj.get('metadata')).get('name') or 'no name'}"


def _objects(content: bytes, path: str) -> Iterator[JsonObject]:
    """The objects in a file; those in a list one by one."""
    try:
        documents = yaml.load_all_yaml11(content)
    except yaml.YamlError as error:
        raise UnreadableDefinition(f"{path}: {error}") from error
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict):
            raise UnreadableDefinition(f"{path} holds {kind_of(document)} in place of an object")
        if str(document.get("kind")).endswith("List") and isinstance(document.get("items"), list):
            yield from mappings(document["items"])
        else:
            yield document


def _subcharts(files: Files) -> Iterator[tuple[str, Files]]:
    """Folders and packages below `charts`."""
    folders: dict[str, Files] = {}
    for path, content in files.items():
        name, slash, rest = path.removeprefix("charts/").partition("/")
        if not path.startswith("charts/") or name.startswith((".", "_")):
            continue
        if slash:
            folders.setdefault(name, {})[rest] = content
        elif name.endswith(".tgz"):
            yield name, _unpacked(content, path)
    yield from ((name, content) for name, content in folders.items() if "Chart.yaml" in content)


def _unpacked(package: bytes, path: str) -> Files:
    found: Files = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            for member in archive:
                _, _, name = member.name.removeprefix("./").partition("/")
                if not member.isfile() or not _matters(name):
                    continue
                size += member.size
                if size > _LARGEST:
                    raise UnreadableDefinition(f"{path} holds more than {_LARGEST} bytes")
                content = archive.extractfile(member)
                found[name] = content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UnreadableDefinition(f"{path} can't be unpacked: {error}") from error
    return found


def _metadata(files: Files, path: str) -> JsonObject:
    """The first document of a file; one that isn't there is empty."""
    try:
        return mapping(yaml.load_yaml11(files.get(path, b"")))
    except yaml.YamlError as error:
        raise UnreadableDefinition(f"{path}: {error}") from error


def _defaults(files: Files) -> JsonObject:
    """The values of a chart, of all documents in their file."""
    try:
        documents: list[Any] = yaml.load_all_yaml11(files.get("values.yaml", b""))
    except yaml.YamlError as error:
        raise UnreadableDefinition(f"values.yaml: {error}") from error
    whole: JsonObject = {}
    for document in documents:
        whole = merge(whole, mapping(document))
    return whole
