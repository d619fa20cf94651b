"""Which lists of built-in kinds are merged item by item, and by which key, as the API server describes it.

The descriptions are megabytes. Each is read once, in a thread; what is kept of it are the few fields that
have rules, shared between kinds, some kilobytes for all of them. Kinds that come with definitions have no
such rules, so for them nothing is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakKeyDictionary

from helm_controller.patching.three_way import PLAIN, Rules
from shared.kube.client import KubeClient
from shared.kube.discovery import Discovery
from shared.kube.errors import KubeError
from shared.kube.resources import Resource
from shared.lang.json import JsonError, JsonObject, loads_object, mapping, mappings

#: The groups whose kinds are patched strategically; everywhere else servers refuse it or Helm doesn't ask.
_BUILT_IN: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
_REF: Final = "#/components/schemas/"

Kinds = Mapping[str, Rules]


class NoPatchRules(KubeError):
    """The API server does not say how kinds of its own are merged."""


def is_built_in(resource: Resource) -> bool:
    """Whether objects of the resource are patched strategically."""
    return resource.group in _BUILT_IN


@dataclass(slots=True)
class PatchRules:
    """The rules of kinds, per cluster; a group version is asked for once."""

    _known: WeakKeyDictionary[Discovery, dict[str, Kinds]] = field(default_factory=WeakKeyDictionary)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, client: KubeClient, resource: Resource) -> Rules:
        """The rules of a kind; none where it is not built-in.

        Raises:
            KubeError: the API server does not tell.
        """
        if not is_built_in(resource):
            return PLAIN
        known = self._known.setdefault(client.discovery, {})
        if resource.root not in known:
            async with self._asking:  # one document at a time in memory
                if resource.root not in known:
                    known[resource.root] = await _asked(client, resource.root)
        return known[resource.root].get(resource.kind, PLAIN)


async def _asked(client: KubeClient, root: str) -> Kinds:
    body = await client.request("GET", f"/openapi/v3{root}")
    try:
        return await asyncio.to_thread(kinds_of, body)
    except JsonError as error:
        raise NoPatchRules(f"the description of {root} can't be read: {error}") from error


def kinds_of(document: bytes) -> Kinds:
    """The rules of all kinds in an OpenAPI document of one group version.

    Raises:
        JsonError: it is none.
    """
    schemas = mapping(mapping(loads_object(document).get("components")).get("schemas"))
    reader = _Reader(schemas)
    return {
        str(served.get("kind")): reader.rules(name)
        for name, schema in schemas.items()
        for served in mappings(mapping(schema).get("x-kubernetes-group-version-kind"))
    }


class _Reader:
    """Reads schemas; a schema that contains itself has no rules below."""

    def __init__(self, schemas: JsonObject) -> None:
        self._schemas = schemas
        self._read: dict[str, Rules] = {}

    def rules(self, name: str) -> Rules:
        known = self._read.get(name)
        if known is None:
            self._read[name] = PLAIN
            known = self._read[name] = self._fields(mapping(self._schemas.get(name)))
        return known

    def _fields(self, schema: JsonObject) -> Rules:
        found = {
            name: rules
            for name, field_ in mapping(schema.get("properties")).items()
            if (rules := self._field(mapping(field_))) != PLAIN
        }
        return Rules(found) if found else PLAIN

    def _field(self, schema: JsonObject) -> Rules:
        strategies = str(schema.get("x-kubernetes-patch-strategy") or "").split(",")
        items = mapping(schema.get("items"))
        merges = bool(items) and "merge" in strategies
        # What is below the items of a list that is replaced never matters.
        below = self._referred(items if merges else schema)
        return replace(
            below,
            merges=merges,
            key=str(schema.get("x-kubernetes-patch-merge-key") or "") if merges else "",
            retains="retainKeys" in strategies,
        )

    def _referred(self, schema: JsonObject) -> Rules:
        for part in (schema, *mappings(schema.get("allOf"))):
            name = part.get("$ref")
            if isinstance(name, str):
                return self.rules(name.removeprefix(_REF))
        return self._fields(schema)
