"""Everything a build will read, known before it starts.

The survey follows each reference from kustomization file to kustomization file as kustomize would. It
refuses what leaves the artifact or, if so configured, the machine, with a message that names the file and
the field. And since it knows each file that the build may read, it yields the digest of exactly that part
of the tree: a commit that touches none of it needs no new build.

The survey is not trusted to be complete: the build sees only the files listed here (see `stage`), so a
reference that it missed fails as a missing file.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kustomize_controller.kustomization.generate import FILE_NAMES, Root
from kustomize_controller.kustomization.paths import holds_directory, holds_file, resolved
from kustomize_controller.kustomization.request import BuildFailed
from kustomize_controller.kustomization.shape import AmbiguousField, recognised
from shared.lang import yaml
from shared.lang.json import JsonObject

_HTTP = re.compile(r"https?:", re.IGNORECASE)
_GIT = re.compile(r"git::|gh:|github\.com[/:]|(ssh|https?)://|[a-z][a-z0-9-]*@", re.IGNORECASE)
_LOCAL_REPOSITORY = re.compile(r"(git::)?file:", re.IGNORECASE)

_DIRECTORIES = ("resources", "bases", "components")
_PLUGINS = ("generators", "transformers", "validators")
_FILES = ("crds", "configurations")
_PATCH_FILES = ("patchesStrategicMerge",)
_PATHS_OF_ITEMS = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")


@dataclass(frozen=True, slots=True)
class Survey:
    """What a build reads, relative to the root of the tree, and where it goes beyond the tree."""

    files: tuple[str, ...]
    directories: tuple[str, ...]
    remote: tuple[str, ...]
    """References to other machines; such a build is no function of the tree."""

    def digest(self, tree: Path) -> str:
        """Name the content of what is read; blocking."""
        running = hashlib.sha256()
        for name in self.files:
            content = hashlib.sha256((tree / name).read_bytes()).hexdigest()
            running.update(f"{content} {name}\0".encode("utf-8", "surrogateescape"))
        for name in self.directories:
            running.update(f"dir {name}\0".encode("utf-8", "surrogateescape"))
        return running.hexdigest()


def survey(tree: Path, root: Root, *, remote_allowed: bool) -> Survey:
    """Follow every reference from the root file; a forbidden one is a `BuildFailed`. Blocking."""
    return _Surveyor(tree, remote_allowed=remote_allowed).run(root)


@dataclass(slots=True)
class _Surveyor:
    tree: Path
    remote_allowed: bool
    files: set[str] = field(default_factory=set)
    directories: set[str] = field(default_factory=set)
    remote: set[str] = field(default_factory=set)
    todo: list[tuple[str, str | None]] = field(default_factory=list)
    """Directories still to visit; if what they build configures plugins, with the directory using those."""
    seen: set[tuple[str, str | None]] = field(default_factory=set)

    def run(self, root: Root) -> Survey:
        generated = _join(root.directory, root.file_name)
        self.seen.add((root.directory, None))
        self._visit(root.directory, plugins=None, instead={generated: root.document})
        while self.todo:
            directory, plugins = self.todo.pop()
            if (directory, plugins) not in self.seen:
                self.seen.add((directory, plugins))
                self._visit(directory, plugins=plugins, instead={generated: root.document})
        self.files.discard(generated)
        return Survey(tuple(sorted(self.files)), tuple(sorted(self.directories)), tuple(sorted(self.remote)))

    def _visit(self, directory: str, *, plugins: str | None, instead: dict[str, JsonObject]) -> None:
        self.directories.add(directory)
        for name in FILE_NAMES:
            file = _join(directory, name)
            if file in instead:
                _Reader(self, file, directory).follow(instead[file], plugins=plugins)
            elif holds_file(self.tree, file):
                self.files.add(file)
                _Reader(self, file, directory).follow(self._kustomization(file), plugins=plugins)

    def _kustomization(self, file: str) -> JsonObject:
        try:
            content = yaml.load((self.tree / file).read_bytes())
            return recognised(content) if isinstance(content, dict) else {}
        except (yaml.YamlError, AmbiguousField) as error:
            raise BuildFailed(f"failed to decode kustomization file '{file}': {error}") from error


@dataclass(slots=True)
class _Reader:
    """Follows the references of one kustomization file."""

    surveyor: _Surveyor
    file: str
    directory: str

    def follow(self, document: JsonObject, *, plugins: str | None) -> None:
        """Note each file that the document refers to.

        With `plugins`, what it builds configures the plugins of that directory, whose paths start there.
        """
        for name, reference in _listed(document, _DIRECTORIES):
            self._resource(name, reference, plugins=plugins)
        for name, reference in _listed(document, _PLUGINS):
            self._plugin(name, reference)
        for name, reference in _listed(document, _FILES):
            self._file(name, reference)
        for name, reference in _listed(document, _PATCH_FILES):
            self._file_unless_inline(name, reference)
        for name, item in _items(document, _PATHS_OF_ITEMS):
            self._file(f"{name}.path", item.get("path"))
        for name, item in _items(document, _GENERATORS):
            self._sources(name, item)
        openapi = document.get("openapi")
        if isinstance(openapi, dict):
            self._file("openapi.path", _folded(openapi).get("path"))

    def _sources(self, name: str, generator: JsonObject, base: str | None = None) -> None:
        for source in _texts(generator.get("files")):
            self._file(f"{name}.files", source.partition("=")[2] or source, base)
        for source in (*_texts(generator.get("envs")), *_texts([generator.get("env")])):
            self._file(f"{name}.envs", source, base)

    def _resource(self, name: str, reference: str, *, plugins: str | None) -> None:
        target = self._target(name, reference)
        if target is None:
            return
        if holds_directory(self.surveyor.tree, target):
            self.surveyor.todo.append((target, plugins))
        else:
            self._take(target)
            if plugins is not None:
                self._configuration(name, target, plugins)

    def _plugin(self, name: str, reference: str) -> None:
        """Plugins are configured inline, by a file, or by whatever a directory builds."""
        inline = _inline(reference)
        if inline is None:
            self._resource(name, reference, plugins=self.directory)
        else:
            self._settings(name, inline, self.directory)

    def _configuration(self, name: str, file: str, base: str) -> None:
        if not holds_file(self.surveyor.tree, file):
            return
        try:
            documents = yaml.load_all((self.surveyor.tree / file).read_bytes())
        except yaml.YamlError as error:
            raise BuildFailed(f"{self._where(name)}: failed to decode '{file}': {error}") from error
        self._settings(name, documents, base)

    def _settings(self, name: str, value: Any, base: str) -> None:
        """Everything in the settings of a builtin plugin that names a file, at whatever depth."""
        if isinstance(value, list):
            for item in value:
                self._settings(name, item, base)
        if not isinstance(value, dict):
            return
        settings = _folded(value)
        self._sources(name, settings, base)
        for key in ("path", "targetfilepath"):
            self._file(f"{name}.{key}", settings.get(key), base)
        for reference in _texts(settings.get("paths")):
            self._file_unless_inline(f"{name}.paths", reference, base)
        for key, item in settings.items():
            if key not in ("fieldspecs", "data", "stringdata"):
                self._settings(name, item, base)

    def _file(self, name: str, reference: Any, base: str | None = None) -> None:
        if isinstance(reference, str) and reference:
            target = self._target(name, reference, base)
            if target is not None:
                self._take(target)

    def _file_unless_inline(self, name: str, reference: str, base: str | None = None) -> None:
        if _inline(reference) is None:
            self._file(name, reference, base)

    def _take(self, target: str) -> None:
        if holds_file(self.surveyor.tree, target):
            self.surveyor.files.add(target)
        elif holds_directory(self.surveyor.tree, target):
            self.surveyor.directories.add(target)

    def _target(self, name: str, reference: str, base: str | None = None) -> str | None:
        """Where a reference leads inside the tree, from here if no base is given; None if to a remote."""
        if _LOCAL_REPOSITORY.match(reference):
            raise BuildFailed(
                f"fs-security-constraint: {self._where(name)}: "
                f"'{_short(reference)}' is not a path in the artifact"
            )
        target = resolved(self.directory if base is None else base, reference)
        local = target is not None and not _HTTP.match(reference) and holds_file(self.surveyor.tree, target)
        if not local and (_HTTP.match(reference) or _GIT.match(reference)):
            self._remote(name, reference)
            return None
        if target is None:
            raise BuildFailed(
                f"fs-security-constraint: {self._where(name)}: "
                f"path '{_short(reference)}' leads outside of the artifact"
            )
        return target

    def _remote(self, name: str, reference: str) -> None:
        if not self.surveyor.remote_allowed:
            raise BuildFailed(
                f"{self._where(name)}: remote reference '{_short(reference)}' is not allowed; "
                "add the files to the source, or unset --no-remote-bases"
            )
        self.surveyor.remote.add(reference)

    def _where(self, name: str) -> str:
        return f"kustomization file '{self.file}', field '{name}'"


def _join(directory: str, name: str) -> str:
    return os.path.normpath(f"{directory}/{name}")


def _texts(value: Any) -> Iterator[str]:
    return (item for item in value if isinstance(item, str) and item) if isinstance(value, list) else iter(())


def _listed(document: JsonObject, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The texts in fields that are lists of texts, with the name of their field."""
    return ((name, text) for name in names for text in _texts(document.get(name)))


def _items(document: JsonObject, names: tuple[str, ...]) -> Iterator[tuple[str, JsonObject]]:
    """The mappings in fields that are lists of mappings, with the name of their field."""
    for name in names:
        value = document.get(name)
        if isinstance(value, list):
            yield from ((name, item) for item in value if isinstance(item, dict))


def _folded(mapping: JsonObject) -> JsonObject:
    """Keys in lower case, as field names match in any case."""
    return {str(key).casefold(): value for key, value in mapping.items()}


def _inline(text: str) -> Any:
    """The content of a text that is a document itself, None for a path."""
    try:
        documents = [document for document in yaml.load_all(text) if document is not None]
    except yaml.YamlError:
        return None
    return documents if documents and all(isinstance(item, dict | list) for item in documents) else None


def _short(reference: str) -> str:
    """A reference without credentials and of bearable length."""
    return re.sub(r"//[^/@]*@", "//***@", reference)[:200]
