"""Names of things in the Kubernetes API: served resources and keys of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote

from shared.kube.errors import UnusableName

#: What may stand in a segment of a path as it is.
_PLAIN: Final = "!$&'()*+,:;=@"


@dataclass(frozen=True, slots=True)
class Resource:
    """One served API resource, as discovery reports it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """URL path of the group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
        """URL path of the collection, of one object, or of one of its sub-resources.

        The namespace is left out for cluster-scoped resources, whatever the caller passes.

        Raises:
            UnusableName: a name would lead out of its place in the path, or to the collection.
        """
        parts = [self.root]
        if namespace and self.namespaced:
            parts += ["namespaces", _segment("Namespace", namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_segment(self.kind, name))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


def _segment(kind: str, name: str) -> str:
    if name in {"", ".", ".."} or "/" in name or "%" in name:
        raise UnusableName(kind, name)
    return quote(name, safe=_PLAIN)


class ObjectKey(NamedTuple):
    """Namespace and name of an object of a kind that the context gives."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def split_api_version(api_version: str) -> tuple[str, str]:
    """`apps/v1` -> (`apps`, `v1`); `v1` -> (``, `v1`)."""
    group, slash, version = api_version.rpartition("/")
    return (group, version) if slash else ("", version)
