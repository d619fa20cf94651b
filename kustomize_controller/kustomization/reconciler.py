"""The story of a Kustomization: source -> dependencies -> build -> apply -> prune -> health."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kustomize_controller.kustomization import history
from kustomize_controller.kustomization.apply import Applier, recorded
from kustomize_controller.kustomization.deletion import Deletion
from kustomize_controller.kustomization.desired import DesiredSet
from kustomize_controller.kustomization.events import (
    COMMIT_STATUS,
    ORIGIN_REVISION,
    Reason,
    metadata_of,
    metadata_of_last,
)
from kustomize_controller.kustomization.health import HEALTHY, Health
from kustomize_controller.kustomization.request import Built
from kustomize_controller.kustomization.settled import Settled, Wanted
from kustomize_controller.kustomization.sources import Source, Sources, up_to_date
from shared.api.kustomize_v1 import Kustomization
from shared.events import Severity
from shared.kube.client import KubeClient
from shared.runtime.clusters import ClusterUnusable
from shared.runtime.dependencies import Dependencies, NotReady
from shared.runtime.health_checks import compile_checks
from shared.runtime.identities import Identities
from shared.runtime.outcome import Done, Failure, Outcome, Stalled, Waiting
from shared.runtime.turn import Turn
from shared.status.conditions import READY, RECONCILING, STALLED
from shared.status.kstatus import CustomChecks, InvalidHealthCheck


class KustomizationReconciler:
    """Applies what sources hold, and keeps it that way."""

    kind = Kustomization
    owned = frozenset({READY, HEALTHY, RECONCILING, STALLED})

    def __init__(
        self,
        sources: Sources,
        dependencies: Dependencies,
        desired: DesiredSet,
        identities: Identities,
        applier: Applier,
        health: Health,
        settled: Settled,
    ) -> None:
        self._sources = sources
        self._dependencies = dependencies
        self._desired = desired
        self._identities = identities
        self._applier = applier
        self._health = health
        self._settled = settled
        self._deletion = Deletion(applier, identities)

    async def reconcile(self, obj: Kustomization, turn: Turn[Kustomization]) -> Outcome:
        """One pass; see the module."""
        checks = self._checks(obj)
        if not isinstance(checks, CustomChecks):
            return checks
        source = await self._sources.resolve(obj)
        if not isinstance(source, Source):
            return source
        turn.revision, turn.metadata = source.revision, metadata_of(source)
        blocked = await self._blocked(obj, source, turn)
        if blocked is not None:
            return blocked
        try:
            async with self._identities.working_for(obj, turn) as client:
                return await self._roll_out(obj, source, checks, client, turn)
        except ClusterUnusable as error:
            self._settled.forget(turn.key)
            turn.draft["lastAttemptedRevision"] = source.revision
            raise Failure(Reason.FAILED, str(error), retry_after=obj.retry_interval) from error

    async def finalize(self, obj: Kustomization, turn: Turn[Kustomization]) -> Outcome:
        """Clean-up of a deleted Kustomization."""
        self._settled.forget(turn.key)
        turn.metadata = metadata_of_last(turn.draft)
        return await self._deletion.run(obj, turn)

    async def _roll_out(
        self,
        obj: Kustomization,
        source: Source,
        checks: CustomChecks,
        client: KubeClient,
        turn: Turn[Kustomization],
    ) -> Outcome:
        """From the artifact to healthy objects, in the cluster of the client."""
        built = await self._desired.build(obj, source, turn)
        if isinstance(built, Waiting):
            return built
        wanted = Wanted(obj.metadata.generation, built.digest, built.objects)
        watched = obj.spec.kube_config is None
        settled = self._settled.of(turn.key, wanted) if watched else frozenset()
        with self._failures_in_history(built, turn):
            before = recorded(turn, retry_after=obj.retry_interval)
            applied = await self._applier.apply(obj, built.objects, client, turn, checks, settled)
            await self._applier.prune(obj, applied, before, client, turn)
            await self._health.check(obj, applied, checks, client, turn, settled)
        if watched:
            self._settled.remember(turn.key, wanted, applied, settled)
        else:
            # Only this cluster is watched for touched objects.
            self._settled.forget(turn.key)
        return self._succeeded(obj, source, built, turn)

    def _checks(self, obj: Kustomization) -> CustomChecks | Stalled:
        """The object's health expressions; or what in its spec can't be done at all."""
        if obj.spec.decryption is not None:
            text = "spec.decryption is not supported by this version, remove it"
            return Stalled(Reason.UNSUPPORTED, text)
        try:
            return compile_checks(obj.spec.health_check_exprs)
        except InvalidHealthCheck as error:
            text = f"Reconciliation failed terminally due to configuration error: {error}"
            return Stalled(Reason.INVALID_EXPRESSION, text)

    async def _blocked(
        self, obj: Kustomization, source: Source, turn: Turn[Kustomization]
    ) -> Waiting | Stalled | None:
        """What keeps the object from going on: a dependency that is not ready."""
        blocked = await self._dependencies.check(obj, obj.spec.depends_on or (), turn.raw, up_to_date(source))
        if isinstance(blocked, NotReady):
            turn.event(Severity.INFO, Reason.DEPENDENCY_NOT_READY, blocked.notice, turn.metadata)
            return Waiting(Reason.DEPENDENCY_NOT_READY, blocked.message, blocked.after)
        return blocked

    def _succeeded(self, obj: Kustomization, source: Source, built: Built, turn: Turn[Kustomization]) -> Done:
        turn.draft["lastAppliedRevision"] = source.revision
        turn.draft["lastAppliedOriginRevision"] = source.origin or None
        self._remember(built, Reason.SUCCEEDED, turn)
        return Done(
            obj.spec.interval,
            Reason.SUCCEEDED,
            f"Applied revision: {source.revision}",
            announce=turn.metadata | {COMMIT_STATUS: "update"},
        )

    @contextmanager
    def _failures_in_history(self, built: Built, turn: Turn[Kustomization]) -> Iterator[None]:
        try:
            yield
        except Failure as failure:
            self._settled.forget(turn.key)
            self._remember(built, failure.reason, turn)
            raise

    def _remember(self, built: Built, status: str, turn: Turn[Kustomization]) -> None:
        metadata = {"revision": turn.revision}
        if ORIGIN_REVISION in turn.metadata:
            metadata["originRevision"] = turn.metadata[ORIGIN_REVISION]
        turn.draft["history"] = history.record(
            turn.draft["history"],
            digest=built.digest,
            status=status,
            metadata=metadata,
            now=turn.clock.now(),
            duration=turn.elapsed,
        )
