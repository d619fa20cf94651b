"""What happens to the applied objects when their Kustomization is deleted."""

from __future__ import annotations

from typing import Final

from kustomize_controller.kustomization.apply import Applier, recorded
from kustomize_controller.kustomization.events import Reason
from shared.api.kustomize_v1 import DeletionPolicy, Kustomization
from shared.events import Severity
from shared.kube.client import KubeClient
from shared.runtime.clusters import ClusterUnusable
from shared.runtime.identities import Identities
from shared.runtime.outcome import Failure, Gone
from shared.runtime.turn import Turn
from shared.ssa import Inventory, StillThere

_WAY_OUT: Final = "to leave the objects there, set spec.deletionPolicy to Orphan"


class Deletion:
    """Removes or leaves the objects, as the deletion policy says."""

    def __init__(self, applier: Applier, identities: Identities) -> None:
        self._applier = applier
        self._identities = identities

    async def run(self, obj: Kustomization, turn: Turn[Kustomization]) -> Gone:
        """Lets the object go once its objects are dealt with.

        Raises:
            Failure: objects could not be deleted; the finalizer stays.
        """
        if not _deletes(obj):
            return Gone()
        known = recorded(turn, Reason.PRUNE_FAILED)
        if not known:
            return Gone()
        try:
            async with self._identities.working_for(obj, turn) as client:
                if await self._identities.exists(obj, client):
                    await self._remove(obj, client, turn)
                else:
                    self._leave(known, turn)
        except ClusterUnusable as error:
            raise Failure(Reason.PRUNE_FAILED, f"{error}; {_WAY_OUT}") from error
        return Gone()

    @staticmethod
    def _leave(known: Inventory, turn: Turn[Kustomization]) -> None:
        """Tells which objects stay because nobody may delete them."""
        subjects = "\n".join(entry.id.display for entry in known)
        text = f"unable to prune objects: \n{subjects}"
        turn.log.error(text, error="the account to impersonate does not exist")
        turn.event(Severity.ERROR, "PruneFailed", text, turn.metadata)

    async def _remove(self, obj: Kustomization, client: KubeClient, turn: Turn[Kustomization]) -> None:
        pruned = await self._applier.remove_all(obj, client, turn)
        if obj.deletion_policy is DeletionPolicy.WAIT_FOR_TERMINATION:
            try:
                await turn.park(self._applier.until_gone(pruned, client, obj.timeout))
            except StillThere as error:
                text = f"failed to wait for resources termination: {error}"
                turn.log.info(text)
                turn.event(Severity.ERROR, "PruneFailed", text, turn.metadata)


def _deletes(obj: Kustomization) -> bool:
    match obj.deletion_policy:
        case DeletionPolicy.MIRROR_PRUNE:
            wanted = obj.spec.prune
        case DeletionPolicy.DELETE | DeletionPolicy.WAIT_FOR_TERMINATION:
            wanted = True
        case DeletionPolicy.ORPHAN:
            wanted = False
    return wanted and not obj.suspended
