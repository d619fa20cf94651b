"""What other controllers look at of a source object, from the caches or straight from the API server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.api.source_v1 import GROUP
from shared.kube.client import KubeClient
from shared.kube.errors import NotFound
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.lang.json import JsonObject, mapping, mappings

#: Kind, namespace and name of a source.
SourceKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class SourceHeader:
    """What is kept decoded of a source."""

    artifact: JsonObject | None
    generation: int
    observed_generation: int
    ready: str
    ready_message: str
    stalled: bool
    stalled_message: str

    @classmethod
    def of(cls, obj: JsonObject) -> SourceHeader:
        """From an object in wire form; never raises."""
        status = mapping(obj.get("status"))
        conditions = {str(c.get("type")): c for c in mappings(status.get("conditions"))}
        ready, stalled = mapping(conditions.get("Ready")), mapping(conditions.get("Stalled"))
        return cls(
            mapping(status.get("artifact")) or None,
            _integer(mapping(obj.get("metadata")).get("generation")),
            _integer(status.get("observedGeneration")),
            str(ready.get("status") or ""),
            str(ready.get("message") or ""),
            stalled.get("status") == "True",
            str(stalled.get("message") or ""),
        )

    @property
    def revision(self) -> str:
        """Revision of the artifact, or nothing."""
        return str(self.artifact.get("revision") or "") if self.artifact else ""

    @property
    def digest(self) -> str:
        """Digest of the artifact, or nothing."""
        return str(self.artifact.get("digest") or "") if self.artifact else ""


Informers = Mapping[str, Informer[SourceHeader]]


def source_informers(client: KubeClient, kinds: tuple[str, ...], namespace: str | None) -> Informers:
    """Caches of these kinds; a kind that the cluster doesn't serve is simply empty."""
    return {
        kind: Informer(client, GROUP, kind, SourceHeader.of, namespace=namespace, optional=True)
        for kind in kinds
    }


async def source_header(
    informers: Informers, kind: str, key: ObjectKey, direct: KubeClient | None
) -> SourceHeader | None:
    """A source from its cache, or with `direct` from the API server; None when it is not there.

    Raises:
        KubeError: the API server doesn't give it.
    """
    if direct is None:
        return informers[kind].store.header(key)
    try:
        resource = await direct.discovery.find(GROUP, kind)
        return SourceHeader.of(await direct.get(resource, key.namespace, key.name))
    except NotFound:
        return None


def _integer(value: object) -> int:
    return value if isinstance(value, int) else -1
