"""What is kept decoded of every source, so that it is known at once when its artifact changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from shared.lang.json import JsonObject, mapping
from shared.runtime.header import Header


@dataclass(frozen=True, slots=True)
class SourceHeader(Header):
    """Facts of a source; from unvalidated JSON, so everything may be missing."""

    url: str
    """The address in its spec, if it has one."""
    revision: str
    """Of its artifact; empty without one."""
    digest: str
    """Likewise."""

    @property
    def artifact(self) -> tuple[str, str]:
        """What tells one artifact from another."""
        return self.revision, self.digest

    @classmethod
    def of(cls, obj: JsonObject) -> Self:
        """From an object in wire form; never raises."""
        base = Header.of(obj)
        artifact = mapping(mapping(obj.get("status")).get("artifact"))
        url = mapping(obj.get("spec")).get("url")
        return cls(
            base.generation,
            base.requested_at,
            base.deleting,
            str(url or ""),
            str(artifact.get("revision") or ""),
            str(artifact.get("digest") or ""),
        )
