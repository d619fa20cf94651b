"""An event as controllers post it, and as providers get it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.events import Severity
from shared.lang import gojson
from shared.lang.json import JsonObject
from shared.lang.timestamp import format_timestamp


@dataclass(frozen=True, slots=True)
class Involved:
    """The object that an event is about."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    resource_version: str = ""
    field_path: str = ""

    @property
    def group(self) -> str:
        """The API group, empty for the core one."""
        return self.api_version.rpartition("/")[0]

    @property
    def text(self) -> str:
        """`kustomization/web.apps`, as people read it."""
        return f"{self.kind.lower()}/{self.name}.{self.namespace}"

    def wire(self) -> JsonObject:
        """The wire form; what is empty is left out."""
        members = {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "apiVersion": self.api_version,
            "resourceVersion": self.resource_version,
            "fieldPath": self.field_path,
        }
        return {key: value for key, value in members.items() if value}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to an object.

    Keys of the metadata carry the prefix of a group as long as the event is on its way to an Alert, and none
    once it is combined for a provider. `severity` is what the sender wrote.
    """

    involved: Involved
    severity: str
    message: str
    reason: str
    controller: str
    at: datetime | None = None
    instance: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    authored: frozenset[str] = frozenset()
    """Keys of the combined metadata whose values the author of the Alert wrote."""

    @property
    def failed(self) -> bool:
        """Whether the event tells of an error."""
        return self.severity == Severity.ERROR

    def wire(self) -> JsonObject:
        """The members in the order of the wire."""
        body: JsonObject = {
            "involvedObject": self.involved.wire(),
            "severity": self.severity,
            "timestamp": format_timestamp(self.at) if self.at else None,
            "message": self.message,
            "reason": self.reason,
        }
        if self.metadata:
            body["metadata"] = dict(sorted(self.metadata.items()))
        body["reportingController"] = self.controller
        if self.instance:
            body["reportingInstance"] = self.instance
        return body

    def encoded(self) -> bytes:
        """The JSON that goes over the wire, to the byte as Flux writes it."""
        return gojson.dumps_texts(self.wire()).encode()
