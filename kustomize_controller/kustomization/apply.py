"""Brings desired objects into the cluster and stale ones out of it, with an inventory that never forgets.

Before anything new is created, the inventory in the status holds it: old and new together. It shrinks
only after the stale objects are gone. A crash at any instant therefore leaves nothing that the next turn
doesn't know of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from kustomize_controller.kustomization.events import Reason
from kustomize_controller.kustomization.metadata import NAME_LABEL, NAMESPACE_LABEL
from kustomize_controller.settings import KustomizeSettings
from shared.api.kustomize_v1 import GROUP, Kustomization
from shared.events import Severity
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.lang.duration import format_duration
from shared.lang.json import JsonObject
from shared.runtime.outcome import Failure
from shared.runtime.turn import Turn
from shared.ssa import (
    Applied,
    ApplyOptions,
    Change,
    CustomKinds,
    IgnoreRule,
    Inventory,
    ObjectId,
    Plan,
    Policies,
    Pruned,
    Rollout,
    SharedWatches,
    SsaError,
    Takeover,
    by_hand,
    log_of,
    overridden,
    prune,
    wait_gone,
)
from shared.status.kstatus import CustomChecks, StatusReader

MANAGER = "kustomize-controller"
_LEFT_OVER_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    f"{GROUP}/checksum",
    "fluxcd.io/sync-checksum",
)
_WAY_OUT = (
    "nothing is applied or pruned until that entry is corrected or removed, "
    "for example with kubectl edit --subresource=status"
)
_LEFT_OVER_LABELS = ("fluxcd.io/sync-gc-mark",)


class Applier:
    """Applies, prunes and removes for Kustomizations."""

    def __init__(self, watches: SharedWatches, settings: KustomizeSettings) -> None:
        self._watches = watches
        self._settings = settings
        self._custom_kinds = CustomKinds(settings.custom_apply_stage_kinds)

    async def apply(
        self,
        obj: Kustomization,
        objects: Iterable[JsonObject],
        client: KubeClient,
        turn: Turn[Kustomization],
        checks: CustomChecks,
        settled: frozenset[ObjectId] = frozenset(),
    ) -> Applied:
        """Applies the objects and leaves the superset of old and new in the status's inventory.

        The checks tell, where they know better, whether a stage is in effect that others wait for. The
        settled objects are known to be in place and cost nothing.

        Raises:
            Failure: the server refused something; nothing was pruned, and the message ends with what was
                changed before. Superseded: a wait between stages was cancelled.
        """
        limit = f"with a timeout of {format_duration(obj.timeout)}"
        turn.progress(
            f"Detecting drift for revision {turn.revision} {limit}", ready="Reconciliation in progress"
        )
        applied = Applied()
        try:
            old = recorded(turn)

            async def remember(plan: Plan) -> None:
                known = recorded(turn)
                if plan.inventory.minus(known):
                    _record(turn, known.union(plan.inventory))
                    await turn.save()

            reader = StatusReader(checks, turn.clock.now)
            rollout = Rollout(client, self._watches, self._with_ignore_rules(obj), reader)
            await rollout.run(
                objects,
                applied,
                expected=old.ids,
                settled=settled,
                decide=remember,
                park=turn.park,
                linger=turn.linger,
            )
        except (SsaError, KubeError, ValueError) as error:
            text = "\n".join(filter(None, (str(error), log_of(applied.changes, only_writes=True))))
            raise Failure(Reason.FAILED, text, retry_after=obj.retry_interval) from error
        finally:
            for warning in applied.warnings:
                turn.log.info(warning)
            self._tell(turn, applied.changes, "server-side apply completed", only_writes=True)
        return applied

    async def prune(
        self,
        obj: Kustomization,
        applied: Applied,
        before: Inventory,
        client: KubeClient,
        turn: Turn[Kustomization],
    ) -> None:
        """Deletes what was in the inventory and is no longer wanted; then the inventory is exactly what
        is ours.

        Raises:
            Failure: deletes were refused; the objects stay in the inventory.

        """
        wanted = Inventory.gather(applied.entries)
        stale = before.minus(wanted)
        if not (obj.spec.prune and stale):
            _record(turn, wanted)
            return
        pruned = await prune(client, stale, self._options(obj))
        _record(turn, wanted.union(pruned.survivors))
        self._tell(turn, pruned.changes, "garbage collection completed")
        if pruned.errors:
            text = f"delete failed, errors: {''.join(f'{error};' for error in pruned.errors)}"
            raise Failure(Reason.PRUNE_FAILED, text, retry_after=obj.retry_interval)

    async def remove_all(self, obj: Kustomization, client: KubeClient, turn: Turn[Kustomization]) -> Pruned:
        """Deletes everything that is in the inventory and still ours.

        The inventory goes with the Kustomization: until then it stays, so that whoever waits for the end of
        the objects and is interrupted finds them again.

        Raises:
            Failure: deletes were refused; the survivors stay in the inventory.
        """
        pruned = await prune(client, recorded(turn), self._options(obj))
        self._tell(turn, pruned.changes, "garbage collection for deleted resource completed")
        if pruned.errors:
            _record(turn, pruned.survivors)
            raise Failure(
                Reason.PRUNE_FAILED, "pruning for deleted resource failed: " + " ".join(pruned.errors)
            )
        return pruned

    async def until_gone(self, pruned: Pruned, client: KubeClient, timeout: timedelta) -> None:
        """Waits for deleted objects to be gone; raises `StillThere` when the time is over."""
        await wait_gone(self._watches, client, pruned.uids, timeout=timeout)

    def _with_ignore_rules(self, obj: Kustomization) -> ApplyOptions:
        """The options of an apply; what is deleted needs no rules that may be none.

        Raises:
            ValueError: a rule can't be used.
        """
        rules = tuple(
            IgnoreRule.compile(rule.paths, rule.target.model_dump(by_alias=True) if rule.target else None)
            for rule in obj.spec.ignore or ()
        )
        return replace(self._options(obj), ignore=rules)

    def _options(self, obj: Kustomization) -> ApplyOptions:
        settings = self._settings
        writers = (*by_hand(MANAGER), *overridden(settings.override_manager))
        return ApplyOptions(
            manager=MANAGER,
            policies=Policies(GROUP),
            owner_labels={NAME_LABEL: obj.name, NAMESPACE_LABEL: obj.namespace},
            force=bool(obj.spec.force),
            takeover=Takeover(MANAGER, writers, _LEFT_OVER_ANNOTATIONS, _LEFT_OVER_LABELS),
            custom_kinds=self._custom_kinds,
            migrate_api_version=settings.gate("MigrateAPIVersion"),
            concurrency=settings.concurrent_ssa,
        )

    def _tell(
        self, turn: Turn[Kustomization], changes: Iterable[Change], message: str, *, only_writes: bool = False
    ) -> None:
        changes = tuple(changes)
        if not changes:
            return
        turn.log.info(message, output=self._output(changes))
        text = log_of(changes, only_writes=only_writes)
        if text:
            turn.event(Severity.INFO, Reason.PROGRESSING, text, turn.metadata)

    def _output(self, changes: Iterable[Change]) -> dict[str, str] | dict[str, list[str]]:
        """The changes for the log: what became of each object, or the objects by what became of them."""
        if not self._settings.gate("GroupChangeLog"):
            return {change.subject: str(change.action) for change in changes}
        grouped: dict[str, list[str]] = {}
        for change in changes:
            grouped.setdefault(str(change.action), []).append(change.subject)
        return grouped


def recorded(
    turn: Turn[Kustomization], reason: Reason = Reason.FAILED, retry_after: timedelta | None = None
) -> Inventory:
    """The inventory as drafted so far.

    Raises:
        Failure: the status holds an entry that is none, so that nobody knows what it stands for.
    """
    inventory = turn.draft["inventory"] or {}
    try:
        return Inventory.read(inventory.get("entries") or ())
    except ValueError as error:
        text = f"status.inventory can't be read: {error}; {_WAY_OUT}"
        raise Failure(reason, text, retry_after=retry_after) from error


def _record(turn: Turn[Kustomization], inventory: Inventory) -> None:
    turn.draft["inventory"] = {"entries": inventory.write()}
