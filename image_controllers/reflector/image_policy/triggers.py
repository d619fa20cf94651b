"""Brings policies back when the tags or the name of their image change, or the repository comes or goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from image_controllers.naming import InvalidImage, canonical
from shared.api.image_v1 import ImageRepository
from shared.kube.informer import Informer
from shared.kube.resources import ObjectKey
from shared.kube.store import Change
from shared.lang.json import JsonObject, mapping, mappings
from shared.runtime.controller import Controller
from shared.runtime.header import Header
from shared.status.conditions import READY, TRUE

_NOBODY: Final = ObjectKey("", "")


@dataclass(frozen=True, slots=True)
class RepositoryHeader(Header):
    """What is kept decoded of every ImageRepository."""

    revision: str = ""
    """Changes whenever the tags do."""
    image: str = ""
    """The name that it is written by; empty until that was scanned."""

    @classmethod
    def of(cls, obj: JsonObject) -> Self:
        """From an object in wire form; never raises."""
        known = Header.of(obj)
        status = mapping(obj.get("status"))
        found = mapping(status.get("lastScanResult")).get("revision")
        image = str(mapping(obj.get("spec")).get("image") or "")
        scanned = _is_scanned(image, status.get("canonicalImageName"))
        return cls(
            known.generation, known.requested_at, known.deleting, str(found or ""), image if scanned else ""
        )


@dataclass(frozen=True, slots=True)
class PolicyHeader(Header):
    """What is kept decoded of every ImagePolicy."""

    repository: ObjectKey = _NOBODY
    """The repository that it names."""
    ready: bool = False
    """Whether it has chosen."""

    @classmethod
    def of(cls, obj: JsonObject) -> Self:
        """From an object in wire form; never raises."""
        known = Header.of(obj)
        named = mapping(mapping(obj.get("spec")).get("imageRepositoryRef"))
        namespace = named.get("namespace") or obj["metadata"].get("namespace") or ""
        key = ObjectKey(str(namespace), str(named.get("name") or ""))
        conditions = mappings(mapping(obj.get("status")).get("conditions"))
        ready = any((one.get("type"), one.get("status")) == (READY, TRUE) for one in conditions)
        return cls(known.generation, known.requested_at, known.deleting, key, ready)


class RepositoryTrigger:
    """Follows repositories; an index leads from each of them to its policies."""

    def __init__(
        self, policies: Controller[Any, PolicyHeader], repositories: Informer[RepositoryHeader]
    ) -> None:
        self._policies = policies
        self._index: dict[ObjectKey, set[ObjectKey]] = {}
        policies.informer.subscribe(self._on_policy)
        repositories.subscribe(self._on_repository)

    def wake(self, repository: ObjectKey) -> None:
        """Brings back the policies that wait for the tags of a repository."""
        for key in tuple(self._index.get(repository, ())):
            header = self._policies.informer.store.header(key)
            if header is not None and not header.ready:
                self._trigger(key, repository)

    def _on_policy(self, change: Change[PolicyHeader]) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.repository != old.repository):
            known = self._index.get(old.repository, set())
            known.discard(change.key)
            if not known:
                self._index.pop(old.repository, None)
        if new is not None:
            self._index.setdefault(new.repository, set()).add(change.key)

    def _on_repository(self, change: Change[RepositoryHeader]) -> None:
        old, new = change.old, change.new
        if old is not None and new is not None and not _is_other(old, new):
            return
        for key in tuple(self._index.get(change.key, ())):
            self._trigger(key, change.key)

    def _trigger(self, policy: ObjectKey, repository: ObjectKey) -> None:
        self._policies.trigger(policy, f"{ImageRepository.KIND}/{repository}")


def _is_scanned(image: str, name: object) -> bool:
    try:
        return str(canonical(image)) == name
    except InvalidImage:
        return False


def _is_other(old: RepositoryHeader, new: RepositoryHeader) -> bool:
    """Whether there is something new to choose from; a name that was not scanned yet is nothing."""
    return new.revision != old.revision or new.image not in ("", old.image)
