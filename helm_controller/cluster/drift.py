"""Compares the objects of a release with the cluster, by dry-runs, and puts back what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from helm_controller.cluster.applying import Owner
from helm_controller.cluster.objects import MANAGER, Placed, owned, place
from helm_controller.cluster.order import install_sorted
from shared.kube.client import KubeClient
from shared.kube.errors import ApiError, Conflict, KubeError, NotFound
from shared.lang.json import JsonObject, mapping
from shared.ssa import IgnoreRule, ObjectId, Takeover, normalised, pointer
from shared.ssa.drift import Difference, Effect, differences
from shared.ssa.ignore import ignored_paths, resolved, without_paths
from shared.ssa.masking import masked
from shared.ssa.owners import owners_of

OPT_OUT: Final = "helm.toolkit.fluxcd.io/driftDetection"
_DISABLED: Final = "disabled"
_AT_ONCE: Final = 8
_SHOWN: Final = 3
_ROLES: Final = frozenset({"Role", "ClusterRole"})


@dataclass(frozen=True, slots=True)
class Deviation:
    """An object that is not as the release wants it; `live` is None where it is missing."""

    placed: Placed
    payload: JsonObject = field(repr=False)
    live: JsonObject | None = field(repr=False)
    differences: tuple[Difference, ...] = ()

    @property
    def kind(self) -> str:
        """Kind of the object."""
        return self.placed.kind

    @property
    def line(self) -> str:
        """What differs, as events and conditions tell it: numbers, never values."""
        subject = self.placed.id.display
        if self.live is None:
            return f"{subject} removed"
        counts = dict.fromkeys(Effect, 0)
        for difference in self.differences:
            counts[difference.effect] += 1
        return (
            f"{subject} changed ({counts[Effect.ADD]} additions, {counts[Effect.CHANGE]} changes, "
            f"{counts[Effect.REMOVE]} removals)"
        )

    @property
    def fight(self) -> str:
        """What differs again, and who else writes there."""
        subject = self.placed.id.display
        if self.live is None:
            return f"{subject} is removed again"
        lines = (f"{each.path} ({_writers(self.live, each.path)})" for each in self.differences[:_SHOWN])
        return f"{subject} is changed again: {', '.join(lines)}"

    @property
    def paths(self) -> list[str]:
        """The places that differ."""
        return [str(difference) for difference in self.differences]


@dataclass(slots=True)
class Compared:
    """What deviates, and what could not be compared."""

    deviations: list[Deviation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


async def compare(
    client: KubeClient,
    objects: Sequence[JsonObject],
    owner: Owner,
    rules: Sequence[IgnoreRule] = (),
    takeover: Takeover | None = None,
) -> Compared:
    """Compares all objects of a release; one that can't be compared does not stop the others.

    With `takeover` the fields of these managers first become ours, in the cluster.
    """
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(obj: JsonObject) -> Deviation | str | None:
        if _opted_out(obj):
            return None
        async with limit:
            try:
                each = await place(client, obj, owner.namespace)
            except KubeError as error:
                return f"{ObjectId.of(obj).display}: {error}"
            try:
                return await _deviation(client, each, owner, rules, takeover)
            except KubeError as error:
                return f"{each.id.display}: {_shown(error, each)}"

    compared = Compared()
    for result in await asyncio.gather(*(one(each) for each in objects)):
        if isinstance(result, str):
            compared.problems.append(result)
        elif result is not None:
            compared.deviations.append(result)
    return compared


async def correct(client: KubeClient, deviations: Sequence[Deviation]) -> tuple[list[str], list[str]]:
    """Puts objects back in install order; gives what was done, and what went wrong, line by line."""
    done: list[str] = []
    problems: list[str] = []
    for each in install_sorted(deviations):
        try:
            await client.apply(each.placed.resource, each.payload, manager=MANAGER)
        except KubeError as error:
            if isinstance(error, NotFound):
                client.discovery.invalidate()  # the kind may have gone since it was looked up
            problems.append(f"{each.placed.id.display}: {_shown(error, each.placed)}")
        else:
            done.append(f"{each.placed.id.display} {'created' if each.live is None else 'configured'}")
    return done, problems


async def _deviation(
    client: KubeClient,
    each: Placed,
    owner: Owner,
    rules: Sequence[IgnoreRule],
    takeover: Takeover | None,
) -> Deviation | None:
    desired = owned(each.obj, owner.name, owner.namespace)
    paths = ignored_paths(rules, desired)
    if () in paths:
        return None
    payload = desired if each.kind in _ROLES else normalised(desired)
    try:
        live = await client.get(each.resource, each.id.namespace or None, each.id.name)
    except NotFound:
        return Deviation(each, payload, None)
    if _opted_out(live):
        return None
    if takeover is not None:
        await _take_over(client, each, live, takeover)
    dry_run = await client.apply(each.resource, payload, manager=MANAGER, dry_run=True)
    found = _counting(differences(without_paths(live, paths), without_paths(dry_run, paths)))
    if not found:
        return None
    return Deviation(each, resolved(payload, live, dry_run, paths, MANAGER), live, found)


async def _take_over(client: KubeClient, each: Placed, live: JsonObject, takeover: Takeover) -> None:
    operations = takeover.operations(live)
    if not operations:
        return
    try:
        await client.json_patch(
            each.resource, each.id.namespace or None, each.id.name, operations, manager=MANAGER
        )
    except Conflict:
        return  # somebody writes it just now; the next comparison sees to it


def _writers(live: JsonObject, path: str) -> str:
    others = {owner.manager for owner in owners_of(live, pointer.parse(path)) if owner.manager != MANAGER}
    return (
        f"written by {', '.join(sorted(others))}" if others else "written by nobody else, perhaps a webhook"
    )


def _counting(found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """Without labels and annotations that only the cluster has."""
    metadata = ("/metadata/labels", "/metadata/annotations")
    return tuple(
        each for each in found if not (each.effect is Effect.REMOVE and each.path.startswith(metadata))
    )


def _opted_out(obj: JsonObject) -> bool:
    metadata = mapping(obj.get("metadata"))
    return any(mapping(metadata.get(field)).get(OPT_OUT) == _DISABLED for field in ("labels", "annotations"))


def _shown(error: KubeError, each: Placed) -> str:
    """The server's words; about a Secret only the last part, which holds no content."""
    text = masked(str(error), each.obj)
    if each.kind == "Secret" and isinstance(error, ApiError):
        return text.rpartition(": ")[2]
    return text
