"""The message of a commit: a template over what changed.

Reading and running one may take a second: both block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

from image_controllers.automation.setters.edits import Change, ObjectName
from shared.api.image_v1 import MESSAGE
from shared.lang.gotmpl import Inner, NoField, Struct, Template, TypedMap

_HELP: Final = "See: https://fluxcd.io/flux/components/image/imageupdateautomations/#message-template"
_REMOVED: Final = {
    (
        "source.TemplateData",
        "Updated",
    ): "template uses removed '.Updated' field. Please use '.Changed' instead.",
    ("update.ResultV2", "ImageResult"): (
        "template uses removed '.Changed.ImageResult' field. "
        "Please use '.Changed.FileChanges' or '.Changed.Objects' instead."
    ),
}

Changes = Mapping[str, Mapping[ObjectName, Sequence[Change]]]


class RemovedField(Exception):
    """A template uses a field that there was once; str() says what is there now."""


def read(template: str | None) -> Template:
    """The template of an automation.

    Raises:
        ParseError: the text is none.
    """
    return Template(template or MESSAGE, "commit message")


def rendered(
    template: Template, namespace: str, name: str, changes: Changes, values: Mapping[str, str]
) -> str:
    """The message for some changes.

    Raises:
        RemovedField: the template uses a field that is gone.
        TemplateError: it can't be run.
    """
    try:
        return template.run(_Data(_Automation(namespace, name), _Changed(changes), _texts(values)))
    except NoField as error:
        removed = _REMOVED.get((error.owner, error.path[-1]))
        if removed is not None:
            raise RemovedField(f"{removed} {_HELP}") from error
        raise


def _texts(values: Mapping[str, str]) -> TypedMap:
    return TypedMap(values, "", "map[string]string")


class _Automation(Struct):
    type_name = "types.NamespacedName"
    fields: ClassVar = {"Namespace": "namespace", "Name": "name"}
    methods: ClassVar = {"String": lambda value: value.text()}

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace = namespace
        self.name = name

    def text(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, order=True)
class _Object(Struct):
    """An object as a key of maps."""

    type_name: ClassVar[str] = "update.ObjectIdentifier"
    fields: ClassVar = {
        "APIVersion": "api_version",
        "Kind": "kind",
        "Name": "name",
        "Namespace": "namespace",
    }

    api_version: str
    kind: str
    name: str
    namespace: str

    def parts(self) -> Iterable[tuple[str, Any]]:
        """With the types that are one in another."""
        kind = Inner(APIVersion=self.api_version, Kind=self.kind)
        name = Inner(Name=self.name, Namespace=self.namespace)
        return [("ResourceIdentifier", Inner(TypeMeta=kind, NameMeta=name))]

    def json_value(self) -> dict[str, str]:
        """As manifests have them, without what is empty."""
        keys = ("apiVersion", "kind", "name", "namespace")
        return {key: part for key, part in zip(keys, self.printed_fields(), strict=True) if part}


@dataclass(frozen=True)
class _Change(Struct):
    type_name: ClassVar[str] = "update.Change"
    fields: ClassVar = {"OldValue": "old", "NewValue": "new", "Setter": "setter"}

    old: str
    new: str
    setter: str


class _Changed(Struct):
    type_name = "update.ResultV2"
    fields: ClassVar = {"FileChanges": "files"}
    methods: ClassVar = {
        "Objects": lambda value: value.objects,
        "Changes": lambda value: value.changes,
    }

    def __init__(self, changes: Changes) -> None:
        self.files = TypedMap(
            {
                file: _typed({_Object(*_parts(name)): _list(found) for name, found in objects.items()})
                for file, objects in changes.items()
            },
            TypedMap({}),
            "map[string]update.ObjectChanges",
        )

    @cached_property
    def objects(self) -> TypedMap:
        """Every object with its changes, in whatever files."""
        found: dict[Any, list[_Change]] = {}
        for _, name, changes in self._all():
            found.setdefault(name, []).extend(changes)
        return _typed(found)

    @cached_property
    def changes(self) -> list[_Change]:
        """Every change once: by file, object and place."""
        return list(dict.fromkeys(change for _, _, changes in self._all() for change in changes))

    def _all(self) -> list[tuple[str, _Object, list[_Change]]]:
        return [
            (file, name, objects[name])
            for file, objects in sorted(self.files.items())
            for name in sorted(objects)
        ]


class _Data(Struct):
    type_name = "source.TemplateData"
    fields: ClassVar = {"AutomationObject": "automation", "Changed": "changed", "Values": "values"}

    def __init__(self, automation: _Automation, changed: _Changed, values: TypedMap) -> None:
        self.automation = automation
        self.changed = changed
        self.values = values


def _typed(found: Mapping[Any, Any]) -> TypedMap:
    return TypedMap(found, [], "update.ObjectChanges")


def _list(changes: Sequence[Change]) -> list[_Change]:
    return [_Change(change.old, change.new, change.setter) for change in changes]


def _parts(name: ObjectName) -> tuple[str, str, str, str]:
    return name.api_version, name.kind, name.name, name.namespace
