"""What happens to the applied objects when their Kustomization is deleted."""

from __future__ import annotations

from typing import Final

from kustomize_controller.kustomization.apply import Applier, recorded
from kustomize_controller.kustomization.events import Reason
from shared.api.kustomize_v1 import DeletionPolicy, Kustomization
from shared.events import Severity
from shared.runtime.identities import Identities
from shared.runtime.outcome import Failure, Gone
from shared.runtime.turn import Turn
from shared.ssa import StillThere

_ELSEWHERE: Final = (
    "the objects are in another cluster (spec.kubeConfig), which this version can't reach: "
    "delete them there, and set spec.deletionPolicy to Orphan"
)


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
        if obj.spec.kube_config is not None:
            raise Failure(Reason.PRUNE_FAILED, _ELSEWHERE)
        if not await self._identities.exists(obj):
            subjects = "\n".join(entry.id.display for entry in known)
            text = f"unable to prune objects: \n{subjects}"
            turn.log.error(text, error="the account to impersonate does not exist")
            turn.event(Severity.ERROR, "PruneFailed", text, turn.metadata)
            return Gone()
        client = self._identities.acting_for(obj)
        pruned = await self._applier.remove_all(obj, client, turn)
        if obj.deletion_policy is DeletionPolicy.WAIT_FOR_TERMINATION:
            try:
                await turn.park(self._applier.until_gone(pruned, client, obj.timeout))
            except StillThere as error:
                text = f"failed to wait for resources termination: {error}"
                turn.log.info(text)
                turn.event(Severity.ERROR, "PruneFailed", text, turn.metadata)
        return Gone()


def _deletes(obj: Kustomization) -> bool:
    match obj.deletion_policy:
        case DeletionPolicy.MIRROR_PRUNE:
            wanted = obj.spec.prune
        case DeletionPolicy.DELETE | DeletionPolicy.WAIT_FOR_TERMINATION:
            wanted = True
        case DeletionPolicy.ORPHAN:
            wanted = False
    return wanted and not obj.suspended
