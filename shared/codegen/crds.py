"""CustomResourceDefinitions from the models of `shared.api`.

The schema is pydantic's own JSON schema, made structural: references are put in place, `null` as a synonym
of absent goes, only defaults that belong to the API stay, and rules over several fields become
`x-kubernetes-validations`. The result depends on the models alone, so equal models give equal bytes.
"""

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.api import wire
from shared.api.helm_v2 import HelmRelease
from shared.api.image_v1 import ImagePolicy, ImageRepository, ImageUpdateAutomation
from shared.api.kustomize_v1 import Kustomization
from shared.api.meta import Column, CustomResource, ObjectMeta, StaticResource
from shared.api.model import Served, WireModel
from shared.api.notification_v1 import Receiver
from shared.api.notification_v1beta3 import Alert, Provider
from shared.api.source_v1 import (
    Bucket,
    ExternalArtifact,
    GitRepository,
    HelmChart,
    HelmRepository,
    OCIRepository,
)
from shared.codegen.docs import describe, summary
from shared.lang.json import JsonObject
from shared.lang.yaml import dump

KINDS: Final[tuple[type[StaticResource], ...]] = (
    GitRepository,
    OCIRepository,
    HelmRepository,
    HelmChart,
    Bucket,
    ExternalArtifact,
    Kustomization,
    HelmRelease,
    Alert,
    Provider,
    Receiver,
    ImageRepository,
    ImagePolicy,
    ImageUpdateAutomation,
)
"""Every kind that has a definition."""

_RULES: Final = "x-kubernetes-validations"
_IDENTITY: Final[JsonObject] = {
    "apiVersion": {"type": "string", "description": "Group and version that the object is written in."},
    "kind": {"type": "string", "description": "Kind of the object."},
    "metadata": {"type": "object"},
}


class UnsupportedSchema(Exception):
    """A model uses something that the API server has no structural schema for."""


def definition(kind: type[StaticResource]) -> JsonObject:
    """The definition of a kind, without the labels of an installation."""
    group, plural = kind.GROUP, kind.PLURAL
    names: JsonObject = {
        "categories": list(kind.CATEGORIES),
        "kind": kind.KIND,
        "listKind": f"{kind.KIND}List",
        "plural": plural,
        "singular": kind.KIND.lower(),
    }
    if kind.SHORT_NAMES:
        names["shortNames"] = list(kind.SHORT_NAMES)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {wire.KUSTOMIZE_SUBSTITUTE: wire.DISABLED},
        },
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced",
            "versions": [
                {
                    "name": kind.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}} if issubclass(kind, CustomResource) else {},
                    "additionalPrinterColumns": [_column(column) for column in kind.COLUMNS],
                    "schema": {"openAPIV3Schema": schema(kind)},
                }
            ],
        },
    }


def schema(kind: type[StaticResource]) -> JsonObject:
    """The structural schema of a kind."""
    generated = kind.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
    parts = generated.get("$defs", {})
    properties = generated["properties"]
    shown = {**_IDENTITY, "spec": _structural(properties["spec"], parts)}
    if issubclass(kind, CustomResource):
        default = {"default": dict(kind.STATUS_DEFAULT)} if kind.STATUS_DEFAULT else {}
        shown["status"] = {**_structural(properties["status"], parts), **default}
    return {"type": "object", "description": summary(kind), "properties": shown}


def render(kind: type[StaticResource]) -> str:
    """The definition as YAML."""
    return dump(definition(kind))


class _Generator(GenerateJsonSchema):
    """Adds to a model's schema what the model says in its docstrings and rules."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of one model."""
        result = super().model_schema(schema)
        model = schema["cls"]
        result.pop("description", None)
        if not issubclass(model, WireModel) or model is ObjectMeta:
            return result
        for name, field in model.model_fields.items():
            if field.annotation is not ObjectMeta:
                result["properties"][field.alias or name]["description"] = describe(model, name)
        if model.RULES:
            result[_RULES] = [{"rule": rule.cel, "message": rule.message} for rule in model.RULES]
        return result


def _structural(node: JsonObject, parts: JsonObject) -> JsonObject:
    """A node of the schema with everything in place that it refers to."""
    node = _resolve(node, parts)
    served = node.pop(Served.KEY, None)
    if isinstance(served, str):
        node["default"] = served
    elif not served:
        node.pop("default", None)
    elif isinstance(node.get("default"), dict):
        node["default"] = {key: value for key, value in node["default"].items() if value is not None}
    for word in ("title", "$defs"):
        node.pop(word, None)
    if unknown := {"anyOf", "oneOf", "prefixItems", "$ref", "const"} & node.keys():
        raise UnsupportedSchema(f"no structural schema has {', '.join(sorted(unknown))}: {node}")
    if "required" in node:
        node["required"] = sorted(node["required"])
    if "properties" in node:
        node["properties"] = {key: _structural(value, parts) for key, value in node["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(node.get(word), dict):
            node[word] = _structural(node[word], parts)
    return node


def _resolve(node: JsonObject, parts: JsonObject) -> JsonObject:
    """Puts references in place and takes `null` out of a choice; what stands beside them wins."""
    node = dict(node)
    while True:
        if "anyOf" in node:
            choices = [choice for choice in node.pop("anyOf") if choice.get("type") != "null"]
            if len(choices) != 1:
                raise UnsupportedSchema(f"a field has one type, not {len(choices)}: {choices}")
            node = choices[0] | node
        elif "$ref" in node:
            name = node.pop("$ref").rpartition("/")[2]
            beside = node
            node = parts[name] | beside
        elif "const" in node:
            node["enum"] = [node.pop("const")]
        else:
            return node


def _column(column: Column) -> dict[str, Any]:
    written = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return written | ({"priority": column.priority} if column.priority else {})


def file_name(kind: type[StaticResource]) -> str:
    """Name of the file that a definition is kept in."""
    return f"{kind.GROUP}_{kind.PLURAL}.yaml"
