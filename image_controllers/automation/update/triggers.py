"""Brings automations back when a policy of their namespace chooses anew, or their source is edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from image_controllers.automation.update.policies import PolicyHeader
from shared.api.image_v1 import ImagePolicy
from shared.api.source_v1 import GitRepository
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.lang.json import JsonObject, mapping
from shared.runtime.controller import Controller
from shared.runtime.header import Header

_NOBODY: Final = ObjectKey("", "")


@dataclass(frozen=True, slots=True)
class AutomationHeader(Header):
    """What is kept decoded of every ImageUpdateAutomation."""

    source: ObjectKey = _NOBODY
    """The GitRepository that it names."""

    @classmethod
    def of(cls, obj: JsonObject) -> Self:
        """From an object in wire form; never raises."""
        known = Header.of(obj)
        named = mapping(mapping(obj.get("spec")).get("sourceRef"))
        namespace = named.get("namespace") or obj["metadata"].get("namespace") or ""
        key = ObjectKey(str(namespace), str(named.get("name") or ""))
        return cls(known.generation, known.requested_at, known.deleting, key)


class Triggers:
    """Follows policies and sources."""

    def __init__(
        self,
        automations: Controller[Any, AutomationHeader],
        policies: Informer[PolicyHeader],
        repositories: Informer[Header],
    ) -> None:
        self._automations = automations
        policies.subscribe(self._on_policy)
        repositories.subscribe(self._on_repository)

    def _on_policy(self, change: Change[PolicyHeader]) -> None:
        old, new = change.old, change.new
        if old is None or new is None or new.latest is None or new.latest == old.latest:
            return
        for key, _ in self._automations.informer.store.headers():
            if key.namespace == change.key.namespace:
                self._automations.trigger(key, f"{ImagePolicy.KIND}/{change.key}")

    def _on_repository(self, change: Change[Header]) -> None:
        old, new = change.old, change.new
        if old is None or new is None or new.generation == old.generation:
            return
        for key, header in self._automations.informer.store.headers():
            if header.source == change.key:
                self._automations.trigger(key, f"{GitRepository.KIND}/{change.key}")
