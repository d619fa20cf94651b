"""The definitions in the `crds` folders of a chart and of those of its dependencies that are enabled."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from helm_controller.values.merging import merge
from shared.lang import yaml
from shared.lang.json import JsonObject, mapping, mappings

_LARGEST: Final = 64 << 20
_DEFINITION: Final = "CustomResourceDefinition"

Files = dict[str, bytes]


class UnreadableDefinition(Exception):
    """A file in a `crds` folder is no YAML."""


def definitions(chart: Path, values: JsonObject) -> list[JsonObject]:
    """All definitions, those of the chart itself last; what is no definition is left out.

    Raises:
        UnreadableDefinition: a file can't be read.
    """
    files = {
        path.relative_to(chart).as_posix(): path.read_bytes()
        for path in sorted(chart.rglob("*"))
        if path.is_file() and _matters(path.relative_to(chart).as_posix())
    }
    return list(_of(files, values))


def _matters(path: str) -> bool:
    return path.startswith(("crds/", "charts/")) or path in ("Chart.yaml", "values.yaml", "requirements.yaml")


def _of(files: Files, values: JsonObject) -> Iterator[JsonObject]:
    own = merge(mapping(_yaml(files.get("values.yaml"), "values.yaml")), values)
    metadata = mapping(_yaml(files.get("Chart.yaml"), "Chart.yaml"))
    dependencies = mappings(metadata.get("dependencies"))
    for name, content in _subcharts(files):
        chart_name = str(mapping(_yaml(content.get("Chart.yaml"), "Chart.yaml")).get("name") or name)
        uses = [each for each in dependencies if each.get("name") == chart_name]
        enabled = [each for each in uses if _enabled(each, own)]
        if uses and not enabled:
            continue
        alias = str((enabled[0] if enabled else {}).get("alias") or chart_name)
        below = {**mapping(own.get(alias)), "global": mapping(own.get("global"))}
        yield from _of(content, below)
    for path in sorted(path for path in files if path.startswith("crds/")):
        for obj in _documents(files[path], path):
            if isinstance(obj, dict) and obj.get("kind") == _DEFINITION:
                yield obj


def _enabled(dependency: JsonObject, values: JsonObject) -> bool:
    """As conditions say, the first that is there; else as tags say; else it is."""
    for path in str(dependency.get("condition") or "").split(","):
        found = _at(values, path.strip())
        if isinstance(found, bool):
            return found
    tags = mapping(values.get("tags"))
    known = [tags[tag] for tag in dependency.get("tags") or () if isinstance(tags.get(tag), bool)]
    return any(known) if known else True


def _at(values: JsonObject, path: str) -> Any:
    found: Any = values
    for key in path.split("."):
        found = mapping(found).get(key)
    return found


def _subcharts(files: Files) -> Iterator[tuple[str, Files]]:
    """Folders and packages below `charts`."""
    folders: dict[str, Files] = {}
    for path, content in files.items():
        if not path.startswith("charts/"):
            continue
        name, slash, rest = path.removeprefix("charts/").partition("/")
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


def _documents(content: bytes, path: str) -> list[Any]:
    try:
        return yaml.load_all(content)
    except yaml.YamlError as error:
        raise UnreadableDefinition(f"{path}: {error}") from error


def _yaml(content: bytes | None, path: str) -> Any:
    documents = _documents(content, path) if content else []
    return documents[0] if documents else None
