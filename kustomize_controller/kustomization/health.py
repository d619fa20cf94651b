"""Waits until what was applied is healthy, by watch and without holding a worker."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from kustomize_controller.kustomization.events import Reason
from shared.api.kustomize_v1 import Kustomization
from shared.api.reasons import ConditionType
from shared.events import Severity
from shared.kube.client import KubeClient
from shared.kube.resources import split_api_version
from shared.lang.duration import format_duration
from shared.runtime.outcome import Failure
from shared.runtime.turn import Turn
from shared.ssa import Action, Applied, HealthCheckFailed, HealthWaiter, ObjectId, SharedWatches
from shared.status.conditions import FALSE, TRUE, UNKNOWN
from shared.status.kstatus import CustomChecks, StatusReader

HEALTHY: Final = ConditionType.HEALTHY.value


class Health:
    """The health step of a turn."""

    def __init__(self, watches: SharedWatches, *, fail_fast: bool) -> None:
        self._waiter = HealthWaiter(watches)
        self._fail_fast = fail_fast

    async def check(
        self,
        obj: Kustomization,
        applied: Applied,
        checks: CustomChecks,
        client: KubeClient,
        turn: Turn[Kustomization],
        settled: frozenset[ObjectId] = frozenset(),
    ) -> None:
        """Returns when everything that counts is healthy; the settled objects were, and nobody touched them.

        Raises:
            Failure: something failed, or the time is over; Superseded: the wait was cancelled.
        """
        ids = tuple(_counting(obj, applied))
        conditions = turn.draft.conditions
        if not ids:
            conditions.remove(HEALTHY)
            return
        ids = tuple(identity for identity in ids if identity not in settled)
        if not ids:
            return
        was_healthy = conditions.holds(HEALTHY)
        timeout = obj.timeout
        message = (
            f"Running health checks for revision {turn.revision} with a timeout of {format_duration(timeout)}"
        )
        turn.progress(message, ready="Reconciliation in progress")
        conditions.set(HEALTHY, UNKNOWN, "Progressing", message)
        started = turn.clock.monotonic()

        def took() -> str:
            return format_duration(timedelta(seconds=turn.clock.monotonic() - started))

        wait = self._waiter.wait(
            client,
            ids,
            applied.objects,
            timeout=timeout,
            reader=StatusReader(checks, turn.clock.now),
            fail_fast=self._fail_fast,
        )
        try:
            applied.follow(await turn.park(wait))
        except HealthCheckFailed as error:
            text = f"health check failed after {took()}: {error}"
            conditions.set(HEALTHY, FALSE, Reason.HEALTH_CHECK_FAILED, text)
            raise Failure(Reason.HEALTH_CHECK_FAILED, text, retry_after=obj.retry_interval) from error
        passed = f"Health check passed in {took()}"
        conditions.set(HEALTHY, TRUE, "Succeeded", passed)
        changed = turn.draft["lastAppliedRevision"] != turn.revision and applied.writes
        if not was_healthy or changed:
            turn.event(Severity.INFO, Reason.PROGRESSING, passed, turn.metadata)


def _counting(obj: Kustomization, applied: Applied) -> Iterable[ObjectId]:
    """The objects whose health counts; never the Kustomization itself."""
    me = ObjectId(obj.namespace, obj.name, Kustomization.GROUP, Kustomization.KIND)
    if obj.spec.wait:
        ids = [change.id for change in applied.changes if change.action is not Action.SKIPPED]
    else:
        ids = [
            ObjectId(
                check.namespace or "",
                check.name,
                split_api_version(check.api_version or "apps/v1")[0],
                check.kind,
            )
            for check in obj.spec.health_checks or ()
        ]
    return dict.fromkeys(identity for identity in ids if identity != me)
