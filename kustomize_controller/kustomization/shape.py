"""The fields that a kustomization file may have, as kustomize 5 knows them.

Two readers need this table. The root file is read leniently: keys match in any case and unknown ones are
dropped. And whoever looks for references has to see a field under each spelling that kustomize would
accept.
"""

from typing import Any

from shared.lang.json import JsonObject

FREE: dict[str, Any] = {}
"""The shape of anything: scalars, and maps whose keys belong to the user."""

_GVK = {"group": FREE, "version": FREE, "kind": FREE}
_ID = {**_GVK, "name": FREE, "namespace": FREE}
_SELECTOR = {**_ID, "annotationSelector": FREE, "labelSelector": FREE}
_FIELD_OPTIONS = {"delimiter": FREE, "index": FREE, "encoding": FREE, "create": FREE}
_GENERATOR_OPTIONS = {"labels": FREE, "annotations": FREE, "disableNameSuffixHash": FREE, "immutable": FREE}
_PATCH = {"path": FREE, "patch": FREE, "target": _SELECTOR, "options": FREE}
_IMAGE = {"name": FREE, "newName": FREE, "tagSuffix": FREE, "newTag": FREE, "digest": FREE}
_GENERATOR = {
    "namespace": FREE,
    "name": FREE,
    "behavior": FREE,
    "literals": FREE,
    "files": FREE,
    "envs": FREE,
    "env": FREE,
    "options": _GENERATOR_OPTIONS,
}
_FIELD_SPEC = {**_GVK, "path": FREE, "create": FREE}
_LABEL = {"pairs": FREE, "includeSelectors": FREE, "includeTemplates": FREE, "fields": _FIELD_SPEC}
_REPLACEMENT = {
    "path": FREE,
    "source": {**_ID, "fieldPath": FREE, "options": _FIELD_OPTIONS},
    "sourceValue": FREE,
    "targets": {"select": _SELECTOR, "reject": _SELECTOR, "fieldPaths": FREE, "options": _FIELD_OPTIONS},
}
_VAR = {
    "name": FREE,
    "objref": {"apiVersion": FREE, **_ID},
    "fieldref": {"fieldPath": FREE},
}

KUSTOMIZATION: dict[str, Any] = {
    "apiVersion": FREE,
    "kind": FREE,
    "metadata": {"name": FREE, "namespace": FREE, "labels": FREE, "annotations": FREE},
    "openapi": FREE,
    "namePrefix": FREE,
    "nameSuffix": FREE,
    "namespace": FREE,
    "commonLabels": FREE,
    "labels": _LABEL,
    "commonAnnotations": FREE,
    "patchesStrategicMerge": FREE,
    "patchesJson6902": _PATCH,
    "patches": _PATCH,
    "images": _IMAGE,
    "imageTags": _IMAGE,
    "replacements": _REPLACEMENT,
    "replicas": {"name": FREE, "count": FREE},
    "vars": _VAR,
    "sortOptions": {"order": FREE, "legacySortOptions": {"orderFirst": FREE, "orderLast": FREE}},
    "resources": FREE,
    "components": FREE,
    "crds": FREE,
    "bases": FREE,
    "configMapGenerator": _GENERATOR,
    "secretGenerator": {**_GENERATOR, "type": FREE},
    "helmGlobals": FREE,
    "helmCharts": FREE,
    "helmChartInflationGenerator": FREE,
    "generatorOptions": _GENERATOR_OPTIONS,
    "configurations": FREE,
    "generators": FREE,
    "transformers": FREE,
    "validators": FREE,
    "buildMetadata": FREE,
}


class AmbiguousField(ValueError):
    """The same field is given twice in different spellings."""


def recognised(document: JsonObject, shape: dict[str, Any] = KUSTOMIZATION) -> JsonObject:
    """The known part of a mapping, every key in its proper spelling; lists have the shape of their items."""
    spellings = {name.casefold(): name for name in shape}
    found: JsonObject = {}
    for key, value in document.items():
        name = spellings.get(key.casefold()) if isinstance(key, str) else None
        if name is None or value is None:
            continue
        if name in found:
            raise AmbiguousField(f"field '{name}' is given more than once")
        found[name] = _trimmed(value, shape[name])
    return found


def _trimmed(value: Any, shape: dict[str, Any]) -> Any:
    if not shape:
        return value
    if isinstance(value, dict):
        return recognised(value, shape)
    if isinstance(value, list):
        return [_trimmed(item, shape) for item in value]
    return value
