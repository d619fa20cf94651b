"""Policies that labels and annotations of objects ask for.

A policy counts as a label or as an annotation, and its value in any case. Which copy of the object is asked
differs by policy, and each question here says which: the one in the source (desired) or the one in the
cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.lang.json import JsonObject


@dataclass(frozen=True, slots=True)
class Policies:
    """Reads policies under a prefix such as `kustomize.toolkit.fluxcd.io`."""

    prefix: str

    def ignores(self, desired: JsonObject, live: JsonObject | None = None) -> bool:
        """Whether the object is left alone; the source and the cluster may both say so."""
        return self._either(desired, live, "reconcile", "disabled") or self._either(
            desired, live, "ssa", "Ignore"
        )

    def applies_once(self, desired: JsonObject) -> bool:
        """Whether the object is created but never changed; only the source may say so."""
        return self._says(desired, "ssa", "IfNotPresent")

    def merges(self, desired: JsonObject, live: JsonObject | None = None) -> bool:
        """Whether fields that people set with kubectl stay."""
        return self._either(desired, live, "ssa", "Merge")

    def forces(self, desired: JsonObject, live: JsonObject | None = None) -> bool:
        """Whether the object may be deleted and created anew."""
        return self._either(desired, live, "force", "enabled")

    def keeps(self, live: JsonObject) -> bool:
        """Whether an object that went stale stays; only the cluster is asked, the source has it no longer."""
        return self._says(live, "prune", "disabled") or self.ignores(live)

    def _either(self, desired: JsonObject, live: JsonObject | None, key: str, value: str) -> bool:
        return self._says(desired, key, value) or (live is not None and self._says(live, key, value))

    def _says(self, obj: JsonObject, key: str, value: str) -> bool:
        metadata = obj.get("metadata") or {}
        for field in ("labels", "annotations"):
            found = (metadata.get(field) or {}).get(f"{self.prefix}/{key}")
            if isinstance(found, str) and found.lower() == value.lower():
                return True
        return False
