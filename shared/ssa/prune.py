"""Deleting what is no longer wanted, and only what is still ours.

The live object decides: one that carries other owner labels was taken over by somebody else, and one whose
labels or annotations ask to be kept is kept. A delete names the UID of the object that was looked at, so an
object that appeared under the same name in between is never hit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.kube.client import KubeClient
from shared.kube.errors import Conflict, KubeError, NoMatch, NotFound
from shared.lang.json import JsonObject
from shared.ssa.changes import Action, Change
from shared.ssa.errors import SsaError
from shared.ssa.identity import ObjectId
from shared.ssa.inventory import Entry, Inventory
from shared.ssa.masking import masked
from shared.ssa.options import ApplyOptions
from shared.ssa.order import sort_key

_TRIES = 3


class PruneFailed(SsaError):
    """Deletes were refused; `pruned` tells what was deleted and what is left."""

    def __init__(self, pruned: Pruned) -> None:
        super().__init__(f"delete failed, errors: {''.join(f'{error};' for error in pruned.errors)}")
        self.pruned = pruned


@dataclass(frozen=True, slots=True)
class Pruned:
    """The outcome: changes in order, what must stay in the inventory, and why.

    `uids` are the deleted objects that may take a while to go.
    """

    changes: tuple[Change, ...]
    survivors: Inventory
    errors: tuple[str, ...]
    uids: dict[ObjectId, str]

    def check(self) -> None:
        """Raises `PruneFailed` when something could not be deleted."""
        if self.errors:
            raise PruneFailed(self)


async def prune(client: KubeClient, stale: Iterable[Entry], options: ApplyOptions) -> Pruned:
    """Deletes stale objects one by one, in reverse apply order; refusals are collected, not raised."""
    ordered = sorted(stale, key=lambda entry: sort_key(entry.id, options.custom_kinds), reverse=True)
    if ordered:
        client.discovery.invalidate()  # an object is not gone where only a version of its kind is
    changes: list[Change] = []
    survivors: list[Entry] = []
    errors: list[str] = []
    uids: dict[ObjectId, str] = {}
    for entry in ordered:
        try:
            action, uid = await _pruned(client, entry.id, options)
        except _Refused as refused:
            survivors.append(entry)
            errors.append(str(refused))
            continue
        changes.append(Change(entry.id, action))
        if uid:
            uids[entry.id] = uid
    return Pruned(tuple(changes), Inventory.gather(reversed(survivors)), tuple(errors), uids)


class _Refused(Exception):
    """One delete did not work out."""


async def _pruned(client: KubeClient, identity: ObjectId, options: ApplyOptions) -> tuple[Action, str]:
    """What became of one object, and its UID if a delete was sent for it."""
    doing, live = "query", None
    try:
        resource = await client.discovery.find(identity.group, identity.kind)
        namespace = identity.namespace or None
        for attempt in range(1, _TRIES + 1):
            doing, live = "query", None
            live = await client.get(resource, namespace, identity.name)
            if not _is_ours(live, options) or options.policies.keeps(live):
                return Action.SKIPPED, ""
            uid = str(live["metadata"]["uid"])
            doing = "delete"
            try:
                await client.delete(resource, namespace, identity.name, uid=uid)
            except Conflict:
                # Replaced since it was read: the new object is looked at in its own right.
                if attempt == _TRIES:
                    raise
            else:
                return Action.DELETED, uid
    except (NotFound, NoMatch):
        pass  # gone already, or gone with its definition
    except KubeError as error:
        raise _Refused(f"{identity.display} {doing} failed: {masked(str(error), live)}") from error
    return Action.DELETED, ""


def _is_ours(live: JsonObject, options: ApplyOptions) -> bool:
    labels = live["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in options.owner_labels.items())
