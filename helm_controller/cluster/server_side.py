"""Server-side apply: the server merges, and knows whose each field is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from helm_controller.cluster.objects import MANAGER, Placed, refusal
from shared.kube.client import KubeClient
from shared.kube.errors import Conflict, KubeError, NotFound
from shared.lang.json import JsonObject
from shared.ssa import Takeover, Writer, client_side, normalised

_TRIES: Final = 3
#: What the server says when objects of one namespace are counted at the same time; it holds for an instant.
_QUOTA: Final = "cannot be fulfilled on resourcequotas"
#: Who wrote for Helm before: the helm program, and this controller in its client-side ways.
_HELM: Final = Takeover(MANAGER, (Writer("helm", exact=True), client_side(MANAGER)))


@dataclass(frozen=True, slots=True)
class ServerSide:
    """Applies with force."""

    client: KubeClient
    #: Expect what was written for Helm in other ways; else it is noticed only after an apply.
    migrate: bool = False

    async def write(self, each: Placed) -> JsonObject:
        """Applies one object; creates it where it is not there.

        What was written for Helm in other ways becomes ours, so that fields that are no longer wanted go.

        Raises:
            ClusterError: the server refuses it.
        """
        payload = normalised(each.obj)
        try:
            if self.migrate:
                await self._take_over(each)
            live = await self._applied(each, payload)
            if _HELM.operations(live):
                await self._take_over(each)
                live = await self._applied(each, payload)
            return live
        except KubeError as error:
            raise refusal("server-side apply failed", each, error) from error

    async def _applied(self, each: Placed, payload: JsonObject) -> JsonObject:
        for _ in range(_TRIES):
            try:
                return await self.client.apply(each.resource, payload, manager=MANAGER, strict=True)
            except Conflict as error:
                if _QUOTA not in str(error):
                    raise
        return await self.client.apply(each.resource, payload, manager=MANAGER, strict=True)

    async def _take_over(self, each: Placed) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                live = await self.client.get(each.resource, each.id.namespace or None, each.id.name)
            except NotFound:
                return
            operations = _HELM.operations(live)
            if not operations:
                return
            try:
                await self.client.json_patch(
                    each.resource, each.id.namespace or None, each.id.name, operations, manager=MANAGER
                )
            except Conflict:
                if attempt == _TRIES:
                    raise
            else:
                return
