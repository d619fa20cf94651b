"""`spec.include`: whose artifacts are wanted, whether they can be had, and who waits for a new one of them.

Included objects are read afresh at each turn. That an old artifact belongs to an object that fails now
doesn't matter: it is what there is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

from shared.api.meta import Artifact
from shared.api.source_v1 import GitRepository, GitRepositoryInclude
from shared.kube.client import KubeClient
from shared.kube.errors import NotFound
from shared.kube.resources import ObjectKey, Resource
from shared.kube.store import Change
from shared.lang.json import JsonObject, mapping, mappings
from shared.runtime.controller import Controller
from source_controller.artifacts import SourceHeader, artifact_in
from source_controller.git_repository.conditions import Reason

_RESOURCE: Final = Resource(
    GitRepository.GROUP, GitRepository.VERSION, GitRepository.PLURAL, GitRepository.KIND
)
_MOST_VISITED: Final = 200


class NotAvailable(Exception):
    """An include isn't there yet; nothing is wrong."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    @classmethod
    def without_artifact(cls, name: str) -> Self:
        """The object is there, its artifact isn't."""
        return cls(Reason.NO_ARTIFACT, f"no artifact available for include '{name}'")


class IncludeCycle(Exception):
    """Objects include each other, so there would never be an end of new artifacts."""


@dataclass(frozen=True, slots=True)
class Included:
    """An include with the artifact that it means now."""

    spec: GitRepositoryInclude
    artifact: Artifact

    @property
    def name(self) -> str:
        """The name of the included object."""
        return self.spec.repository.name

    @property
    def from_path(self) -> str:
        """What is taken of its artifact, as written; empty for everything."""
        return self.spec.from_path or ""

    @property
    def to_path(self) -> str:
        """Where that goes, as written or by default."""
        return self.spec.to_path or self.name


class Includes:
    """Reads included objects."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def resolve(self, obj: GitRepository) -> tuple[Included, ...]:
        """All includes of an object with their artifacts, in the order of the spec.

        Raises:
            NotAvailable: an object or its artifact isn't there.
            IncludeCycle: the object would include itself.
        """
        wanted = obj.spec.include or ()
        known: dict[str, JsonObject] = {}
        for include in wanted:
            name = include.repository.name
            try:
                known[name] = await self._client.get(_RESOURCE, obj.namespace, name)
            except NotFound as error:
                text = f"could not get resource for include '{name}': {error.message}"
                raise NotAvailable(Reason.NOT_FOUND, text) from error
        await self._refuse_cycle(obj, known)
        return tuple(
            Included(include, _artifact(known[include.repository.name], include)) for include in wanted
        )

    async def _refuse_cycle(self, obj: GitRepository, known: dict[str, JsonObject]) -> None:
        """Follows includes of includes until they lead back, or nowhere new."""
        seen = set(known)
        ways: list[tuple[tuple[str, ...], JsonObject]] = [
            ((obj.name, name), included) for name, included in known.items()
        ]
        while ways and len(seen) <= _MOST_VISITED:
            way, included = ways.pop()
            for name in included_names(included):
                if name == obj.name:
                    raise IncludeCycle(_cycle((*way, name)))
                if name not in seen:
                    seen.add(name)
                    try:
                        following = await self._client.get(_RESOURCE, obj.namespace, name)
                    except NotFound:
                        continue
                    ways.append(((*way, name), following))
        if obj.name in known:
            raise IncludeCycle(_cycle((obj.name, obj.name)))


@dataclass(frozen=True, slots=True)
class GitRepositoryHeader(SourceHeader):
    """What is kept decoded of every GitRepository; from unvalidated JSON, so everything may be missing."""

    includes: tuple[str, ...] = ()
    """Names of included objects."""

    @classmethod
    def of(cls, obj: JsonObject) -> Self:
        """From an object in wire form; never raises."""
        return replace(super(GitRepositoryHeader, cls).of(obj), includes=tuple(included_names(obj)))


class IncludeTrigger:
    """Brings an object back when one that it includes has another artifact, comes, goes, or includes others.

    The way may lead over several objects: who waits for the end of a cycle need not be beside it.
    """

    def __init__(self, controller: Controller[GitRepository, GitRepositoryHeader]) -> None:
        self._controller = controller
        controller.informer.subscribe(self._on_change)

    def _on_change(self, change: Change[GitRepositoryHeader]) -> None:
        old, new = change.old, change.new
        if change.initial:
            return
        everybody = (old.includes if old else ()) != (new.includes if new else ())
        if everybody or old is None or new is None or old.artifact != new.artifact:
            for key in self._dependants(change.key, far=everybody):
                self._controller.trigger(key, f"{GitRepository.KIND}/{change.key}")

    def _dependants(self, changed: ObjectKey, *, far: bool) -> list[ObjectKey]:
        """Who includes an object; with `far` also those who include them, and so on."""
        found: list[ObjectKey] = []
        names = {changed.name}
        while names:
            near = [
                key
                for key, header in self._controller.informer.store.headers()
                if key.namespace == changed.namespace and not names.isdisjoint(header.includes)
            ]
            fresh = [key for key in near if key not in found and key != changed]
            found += fresh
            names = {key.name for key in fresh} if far else set()
        return found


def included_names(obj: JsonObject) -> list[str]:
    """The names in `spec.include` of an object in wire form; never raises."""
    includes = mappings(mapping(obj.get("spec")).get("include"))
    found = (mapping(include.get("repository")).get("name") for include in includes)
    return [name for name in found if isinstance(name, str)]


def _artifact(included: JsonObject, include: GitRepositoryInclude) -> Artifact:
    artifact = artifact_in(included.get("status"))
    if artifact is None:
        raise NotAvailable.without_artifact(include.repository.name)
    return artifact


def _cycle(way: tuple[str, ...]) -> str:
    return f"spec.include: {' -> '.join(way)} is a cycle, remove one of these includes"
