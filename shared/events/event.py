"""What an event is before it goes to any sink."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.lang.json import JsonObject


class Severity(StrEnum):
    """How much an event matters; `trace` goes to Kubernetes only."""

    TRACE = "trace"
    INFO = "info"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that an event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str

    @classmethod
    def of(cls, obj: JsonObject) -> Subject:
        """From an object in wire form."""
        metadata = obj["metadata"]
        return cls(
            obj["apiVersion"],
            obj["kind"],
            metadata.get("namespace") or "",
            metadata["name"],
            metadata.get("uid") or "",
            metadata.get("resourceVersion") or "",
        )

    def reference(self) -> JsonObject:
        """The wire form of `involvedObject`."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "resourceVersion": self.resource_version,
        }


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to an object; metadata keys are complete, with their group."""

    subject: Subject
    severity: Severity
    reason: str
    message: str
    at: datetime
    metadata: dict[str, str] = field(default_factory=dict)
