"""The status that a turn is about to write, and the writing of it.

A `StatusDraft` starts as a copy of the object's status. Steps set fields and conditions on it;
`StatusWriter.save` sends the difference to what the server has, as one merge patch of the status
sub-resource, and nothing when there is none. The patch carries the resource version whenever it holds
conditions, because a merge patch replaces the whole list: on a conflict the object is read again, and
conditions and fields of other writers are kept.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any, Final

from shared.kube.client import KubeClient
from shared.kube.errors import Conflict, NotFound
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.status.conditions import Conditions

_TRIES: Final = 5
_PAUSE: Final = 0.1


class StatusDraft:
    """Fields and conditions of a status, in wire form."""

    def __init__(self, obj: JsonObject) -> None:
        status = obj.get("status") or {}
        self.generation: int = obj["metadata"].get("generation") or 0
        self.conditions = Conditions(self.generation, status.get("conditions") or ())
        self._fields: JsonObject = {
            key: deepcopy(value) for key, value in status.items() if key != "conditions"
        }

    def __getitem__(self, field: str) -> Any:
        return self._fields.get(field)

    def __setitem__(self, field: str, value: object) -> None:
        """Sets a top-level status field to a JSON value; None, an empty list or object takes it away."""
        if value is None or (isinstance(value, list | dict) and not value):
            self._fields.pop(field, None)
        else:
            self._fields[field] = value

    @property
    def fields(self) -> JsonObject:
        """All fields but the conditions."""
        return self._fields

    def rebase(self, base: JsonObject, theirs: JsonObject, owned: frozenset[str]) -> None:
        """Takes over what other writers did to the status since `base`, where we did nothing.

        Raises:
            ConditionConflict: we changed a condition we don't own, and so did they, differently.
        """
        before, fresh = base.get("status") or {}, theirs.get("status") or {}
        self.conditions.rebase(before.get("conditions") or (), fresh.get("conditions") or (), owned)
        for field in (before.keys() | fresh.keys()) - {"conditions"}:
            if self[field] == before.get(field):
                self[field] = deepcopy(fresh.get(field))

    def observe(self) -> None:
        """Records that the object's current generation was dealt with."""
        self._fields["observedGeneration"] = self.generation


class StatusWriter:
    """Writes one object's status during one turn; knows what the server has."""

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        obj: JsonObject,
        *,
        manager: str,
        owned: frozenset[str],
        now: Callable[[], datetime],
        absorb: Callable[[JsonObject], None],
    ) -> None:
        self._client = client
        self._resource = resource
        self._known = obj
        self._manager = manager
        self._owned = owned
        self._now = now
        self._absorb = absorb
        self._lock = asyncio.Lock()

    @property
    def known(self) -> JsonObject:
        """The object as the server last returned it."""
        return self._known

    async def save(self, draft: StatusDraft) -> bool:
        """Sends what differs; says whether there was anything to send.

        Raises:
            Conflict: others kept writing through all tries; ConditionConflict: they contradict us.
        """
        async with self._lock:
            for attempt in range(1, _TRIES + 1):
                patch = self._difference(draft)
                if not patch:
                    return False
                try:
                    self._known = await self._send(patch)
                except Conflict:
                    if attempt == _TRIES:
                        raise
                    await asyncio.sleep(_PAUSE * random.random() * 2 ** (attempt - 1))
                    await self._reread(draft)
                else:
                    self._absorb(self._known)
                    return True
        return False

    def _difference(self, draft: StatusDraft) -> JsonObject:
        status = self._known.get("status") or {}
        patch: JsonObject = {}
        for field in sorted(draft.fields.keys() | (status.keys() - {"conditions"})):
            if draft.fields.get(field) != status.get(field):
                patch[field] = _replacement(status.get(field), draft.fields.get(field))
        before = status.get("conditions") or []
        conditions = draft.conditions.render(before, self._now())
        if conditions != before:
            patch["conditions"] = conditions
        return patch

    async def _send(self, patch: JsonObject) -> JsonObject:
        metadata = self._known["metadata"]
        body: JsonObject = {"status": patch}
        if "conditions" in patch:
            body["metadata"] = {"resourceVersion": metadata["resourceVersion"]}
        return await self._client.merge_patch(
            self._resource,
            metadata.get("namespace"),
            metadata["name"],
            body,
            manager=self._manager,
            subresource="status",
        )

    async def _reread(self, draft: StatusDraft) -> None:
        metadata = self._known["metadata"]
        fresh = await self._client.get(self._resource, metadata.get("namespace"), metadata["name"])
        if fresh["metadata"].get("uid") != metadata.get("uid"):
            raise NotFound(404, "NotFound", f"{metadata['name']} was deleted; a new object has its name")
        draft.rebase(self._known, fresh, self._owned)
        self._known = fresh


def _replacement(old: object, new: object) -> object:
    """A merge patch value that turns `old` into exactly `new`: keys that went are nulled."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    changed = {key: _replacement(old.get(key), value) for key, value in new.items() if old.get(key) != value}
    return changed | dict.fromkeys(old.keys() - new.keys())
