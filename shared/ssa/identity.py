"""Which object is meant, whatever version of its API is used.

An `ObjectId` is the key of everything in this package: inventories, change sets, waits. The API version is
no part of it, so moving an object to another version of its group is no deletion.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.kube.resources import split_api_version
from shared.lang.json import JsonObject

_RBAC: Final = "rbac.authorization.k8s.io"
_COLON_KINDS: Final = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})


class GroupKind(NamedTuple):
    """A kind without its version; the group is empty for the core API."""

    group: str
    kind: str


class ObjectId(NamedTuple):
    """Namespace (empty for cluster-scoped objects), name, group (empty for the core one) and kind."""

    namespace: str
    name: str
    group: str
    kind: str

    @classmethod
    def of(cls, obj: JsonObject) -> ObjectId:
        """The identity that an object states."""
        metadata = obj.get("metadata") or {}
        group, _ = split_api_version(obj.get("apiVersion") or "")
        return cls(metadata.get("namespace") or "", metadata.get("name") or "", group, obj.get("kind") or "")

    @classmethod
    def parse(cls, text: str) -> ObjectId:
        """Reads the form that inventories keep.

        The first underscore ends the namespace, the last two delimit group and kind; names of RBAC objects
        may hold colons, written as two underscores.

        Raises:
            ValueError: there are not enough parts, or there is no kind.
        """
        namespace, first, rest = text.partition("_")
        rest, second, kind = rest.rpartition("_")
        name, third, group = rest.rpartition("_")
        if not (first and second and third and name and kind):
            raise ValueError(f"inventory id '{text}' is not of the form <namespace>_<name>_<group>_<kind>")
        return cls(namespace, name.replace("__", ":"), group, kind)

    @property
    def group_kind(self) -> GroupKind:
        """Group and kind."""
        return GroupKind(self.group, self.kind)

    @property
    def display(self) -> str:
        """The form that people read: `Kind/namespace/name`, or `Kind/name` without a namespace."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

    def __str__(self) -> str:
        """The form that inventories keep."""
        colons = self.group == _RBAC and self.kind in _COLON_KINDS
        name = self.name.replace(":", "__") if colons else self.name
        return f"{self.namespace}_{name}_{self.group}_{self.kind}"
