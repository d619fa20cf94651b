"""The way of Helm 3: what is missing is created, what is there is patched by comparing three states.

The states are the release as it was before, the live object, and the release as it is wanted. An object that
the release did not have before is adopted: nothing of it goes, what is wanted is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from helm_controller.cluster.objects import MANAGER, ClusterError, Placed
from helm_controller.patching.patch_rules import PatchRules, is_built_in
from helm_controller.patching.three_way import three_way
from shared.kube.client import KubeClient
from shared.kube.errors import Conflict, KubeError, NotFound
from shared.lang.json import JsonObject
from shared.ssa import ObjectId, normalised
from shared.ssa.masking import masked

_TRIES: Final = 5


class _Overtaken(Exception):
    """Somebody else wrote the object in the meantime; `error` is what the server said."""

    def __init__(self, error: KubeError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class ClientSide:
    """Creates and patches, or replaces."""

    client: KubeClient
    rules: PatchRules
    #: The objects as the release had them before.
    before: Mapping[ObjectId, JsonObject] = field(default_factory=dict)
    #: Put the wanted object in place of the live one; what others set in it is lost.
    replace: bool = False

    async def write(self, each: Placed) -> JsonObject:
        """Brings one object to what is wanted; nothing is sent when it is like that.

        Raises:
            ClusterError: the server refuses it.
        """
        wanted = normalised(each.obj)
        for attempt in range(1, _TRIES + 1):
            try:
                live = await self._live(each)
                if live is None:
                    return await self._created(each, wanted)
                return await self._changed(each, live, wanted)
            except _Overtaken as overtaken:
                if attempt == _TRIES:
                    raise _refusal(self._verb, each, overtaken.error) from overtaken.error
        raise AssertionError("unreachable")

    async def _live(self, each: Placed) -> JsonObject | None:
        try:
            return await self.client.get(each.resource, each.id.namespace or None, each.id.name)
        except NotFound:
            return None
        except KubeError as error:
            raise _refusal("could not get", each, error) from error

    async def _created(self, each: Placed, wanted: JsonObject) -> JsonObject:
        try:
            return await self.client.create(each.resource, wanted, manager=MANAGER)
        except Conflict as error:  # it is there already, or a quota was changed meanwhile
            raise _Overtaken(error) from error
        except KubeError as error:
            raise _refusal("cannot create", each, error) from error

    async def _changed(self, each: Placed, live: JsonObject, wanted: JsonObject) -> JsonObject:
        try:
            return await (self._replaced if self.replace else self._patched)(each, live, wanted)
        except (Conflict, NotFound) as error:
            raise _Overtaken(error) from error
        except KubeError as error:
            raise _refusal(self._verb, each, error) from error

    async def _replaced(self, each: Placed, live: JsonObject, wanted: JsonObject) -> JsonObject:
        metadata = {**wanted["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
        obj = {**wanted, "metadata": metadata}
        return await self.client.replace(each.resource, obj, manager=MANAGER, strict=True)

    async def _patched(self, each: Placed, live: JsonObject, wanted: JsonObject) -> JsonObject:
        before = normalised(self.before.get(each.id) or {})
        patch = three_way(before, live, wanted, await self.rules.of(self.client, each.resource))
        if not patch:
            return live
        return await self.client.merge_patch(
            each.resource,
            each.id.namespace or None,
            each.id.name,
            patch,
            manager=MANAGER,
            strategic=is_built_in(each.resource),
        )

    @property
    def _verb(self) -> str:
        return "cannot replace" if self.replace else "cannot patch"


def _refusal(what: str, each: Placed, error: KubeError) -> ClusterError:
    return ClusterError(f'{what} "{each.id.name}" with kind {each.id.kind}: {masked(str(error), each.obj)}')
