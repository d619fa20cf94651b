"""The story of a HelmRelease: chart -> dependencies -> source -> values -> release."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

from helm_controller.cluster.waiting import Waiting as Waits
from helm_controller.helm_release.actions import Actions, NothingStored
from helm_controller.helm_release.attempt import Attempt, metadata
from helm_controller.helm_release.attempts import Attempts
from helm_controller.helm_release.charts import Chart, ChartMutateError, Charts, InvalidChart
from helm_controller.helm_release.ownership import Ownership
from helm_controller.helm_release.reasons import DRIFTED, OWNED, Reason
from helm_controller.helm_release.record import Record
from helm_controller.helm_release.requests import takes_force, takes_reset
from helm_controller.helm_release.sources import ChartSource, Sources
from helm_controller.helm_release.template import ChartTemplates
from helm_controller.patching.patch_rules import PatchRules
from helm_controller.release.digest import config_digest
from helm_controller.release.storage import StorageError
from helm_controller.values.composing import Composed, ValuesComposer, ValuesFailed
from shared.api.helm_v2 import HelmRelease
from shared.artifact.fetch import ArtifactError, ArtifactNotFound
from shared.events import Severity
from shared.kube.client import KubeClient
from shared.lang.duration import format_duration
from shared.runtime.clusters import ClusterNotNamed, ClusterUnusable
from shared.runtime.dependencies import Dependencies, NotReady
from shared.runtime.health_checks import compile_checks
from shared.runtime.identities import Identities
from shared.runtime.outcome import Failure, Gone, Outcome, Stalled, Told, Waiting
from shared.runtime.turn import Turn
from shared.ssa import SharedWatches
from shared.status.conditions import READY
from shared.status.kstatus import CustomChecks, InvalidHealthCheck

_SKIPPED: Final = "skipping Helm release uninstallation"
_WAY_OUT: Final = "to leave the release there, suspend the HelmRelease"


class HelmReleaseReconciler:
    """Keeps releases as their HelmReleases want them."""

    kind = HelmRelease
    owned = OWNED

    def __init__(  # noqa: PLR0913 - all parts of the story
        self,
        templates: ChartTemplates,
        dependencies: Dependencies,
        sources: Sources,
        composer: ValuesComposer,
        charts: Charts,
        identities: Identities,
        watches: SharedWatches,
        attempts: Attempts,
        actions: Actions,
        ownership: Ownership,
        *,
        rules: PatchRules,
        retry_by_default: bool,
        legacy_wait: bool,
        wait: timedelta,
        algorithm: str,
    ) -> None:
        self._templates = templates
        self._dependencies = dependencies
        self._sources = sources
        self._composer = composer
        self._charts = charts
        self._identities = identities
        self._watches = watches
        self._attempts = attempts
        self._actions = actions
        self._ownership = ownership
        self._retry_by_default = retry_by_default
        self._legacy_wait = legacy_wait
        self._wait = wait
        self._algorithm = algorithm
        self._rules = rules

    async def reconcile(self, obj: HelmRelease, turn: Turn[HelmRelease]) -> Outcome:
        """One pass; see the module."""
        record = Record(obj, turn.draft, retry_by_default=self._retry_by_default)
        checks = self._checks(obj)
        if isinstance(checks, Stalled):
            return checks
        if obj.rollback.recreate:
            turn.log.warning("spec.rollback.recreate is deprecated and has no effect, remove it")
        await self._templates.reconcile(obj, turn, record)
        turn.progress("Fulfilling prerequisites")
        blocked = await self._blocked(obj, turn)
        if blocked is not None:
            return blocked
        source = await self._sources.resolve(obj)
        if not isinstance(source, ChartSource):
            return source
        values = await self._values(obj)
        chart = await self._chart(source)
        if isinstance(chart, Waiting):
            return chart
        turn.revision = chart.version
        try:
            async with self._identities.working_for(obj, turn) as client:
                attempt = self._attempt(obj, turn, record, checks, client, chart=chart, values=values)
                turn.metadata = metadata(chart.version, attempt.digest, chart.app_version, chart.oci_digest)
                if _target_changed(attempt, chart):
                    return await self._moved(attempt)
                self._begin(attempt, chart)
                turn.outdated = partial(self._has_other_values, attempt)
                return await self._attempts.run(attempt)
        except ClusterUnusable as error:
            raise Failure(Reason.REST_CLIENT_ERROR, str(error), notify=False) from error

    async def finalize(self, obj: HelmRelease, turn: Turn[HelmRelease]) -> Outcome:
        """Uninstalls the release of a deleted HelmRelease, unless it is suspended."""
        if obj.suspended:
            return Gone()
        record = Record(obj, turn.draft, retry_by_default=self._retry_by_default)
        if record.get("storageNamespace") and record.latest is not None:
            await self._uninstall(obj, turn, record)
        record.history = ()
        record.set("storageNamespace", None)
        await self._templates.delete(turn, record)
        return Gone()

    def _checks(self, obj: HelmRelease) -> CustomChecks | Stalled:
        """The object's health expressions; or what in its spec can't be done at all."""
        try:
            return compile_checks(obj.spec.health_check_exprs)
        except InvalidHealthCheck as error:
            text = f"Reconciliation failed terminally due to configuration error: {error}"
            return Stalled(Reason.INVALID_EXPRESSION, text)

    async def _blocked(self, obj: HelmRelease, turn: Turn[HelmRelease]) -> Waiting | Stalled | None:
        blocked = await self._dependencies.check(obj, obj.spec.depends_on or (), turn.raw)
        if isinstance(blocked, NotReady):
            turn.event(Severity.INFO, Reason.DEPENDENCY_NOT_READY, blocked.message)
            return Waiting(Reason.DEPENDENCY_NOT_READY, blocked.message, blocked.after)
        return blocked

    async def _values(self, obj: HelmRelease) -> Composed:
        inline = obj.spec.values
        if inline is not None and not isinstance(inline, dict):
            raise Failure(Reason.VALUES_ERROR, "spec.values must be a map")
        try:
            return await self._composer.compose(obj.namespace, obj.spec.values_from or (), inline)
        except ValuesFailed as error:
            raise Failure(Reason.VALUES_ERROR, str(error)) from error

    async def _has_other_values(self, attempt: Attempt) -> bool:
        """Whether another attempt would have other values; what can't be told is told by that one."""
        try:
            values = await self._values(attempt.obj)
        except Failure:
            return False
        return config_digest(values.values, self._algorithm) != attempt.digest

    async def _chart(self, source: ChartSource) -> Chart | Waiting:
        try:
            return await self._charts.load(source)
        except ArtifactNotFound:
            wait = format_duration(self._wait)
            text = f"Source not ready: artifact not found. Retrying in {wait}"
            return Waiting(Reason.ARTIFACT_FAILED, text, self._wait)
        except ChartMutateError as error:
            raise Failure(Reason.CHART_MUTATE_ERROR, str(error), notify=False) from error
        except (ArtifactError, InvalidChart) as error:
            raise Failure(Reason.ARTIFACT_FAILED, f"Could not load chart: {error}") from error

    def _attempt(
        self,
        obj: HelmRelease,
        turn: Turn[HelmRelease],
        record: Record,
        checks: CustomChecks,
        client: KubeClient,
        *,
        chart: Chart | None = None,
        values: Composed | None = None,
        target: tuple[str, str] | None = None,
    ) -> Attempt:
        strategy = obj.spec.wait_strategy.name if obj.spec.wait_strategy else ""
        legacy = strategy == "legacy" or (not strategy and self._legacy_wait)
        waiting = Waits(
            self._watches,
            client,
            turn.park,
            partial(turn.park, yields=False),
            CustomChecks() if legacy else checks,
            legacy=legacy,
            now=turn.clock.now,
        )
        storage_namespace, name = target or (obj.storage_namespace, obj.release_name)
        return Attempt(
            obj,
            turn,
            record,
            client,
            storage_namespace,
            name,
            waiting,
            self._algorithm,
            self._rules,
            chart,
            values or Composed({}),
        )

    def _begin(self, attempt: Attempt, chart: Chart) -> None:
        """Notes what is tried; what was counted before only counts for the same."""
        obj, record = attempt.obj, attempt.record
        record.set("storageNamespace", obj.storage_namespace)
        if not obj.drift.detects:
            record.conditions.remove(DRIFTED)
        new = (
            record.count("lastAttemptedGeneration") != obj.generation
            or record.get("lastAttemptedRevision") != chart.version
            or not attempt.has_values_of(record.get("lastAttemptedConfigDigest"))
        )
        if takes_reset(attempt.turn.raw, record) or new:
            record.clear_failures()
        attempt.forced = takes_force(attempt.turn.raw, record)
        record.set("lastAttemptedGeneration", obj.generation)
        record.set("lastAttemptedRevision", chart.version)
        record.set("lastAttemptedRevisionDigest", chart.oci_digest)
        record.set("lastAttemptedConfigDigest", attempt.digest)
        record.set("lastAttemptedValuesChecksum", None)
        record.set("lastReleaseRevision", None)

    async def _moved(self, attempt: Attempt) -> Told:
        """Uninstalls what the release was before its target changed; the next turn begins anew."""
        record = attempt.record
        await self._uninstall_with(attempt.client, attempt.obj, attempt.turn, record)
        record.history = ()
        record.clear_failures()
        record.set("storageNamespace", None)
        return Told(again=True)

    async def _uninstall(self, obj: HelmRelease, turn: Turn[HelmRelease], record: Record) -> None:
        """Uninstalls the release of a deleted object, unless what would have to do it is gone."""
        try:
            async with self._identities.working_for(obj, turn) as client:
                if obj.spec.kube_config is not None or await self._identities.exists(obj, client):
                    await self._uninstall_with(client, obj, turn, record)
                else:
                    turn.log.error(_SKIPPED, error="the account does not exist")
        except ClusterNotNamed as error:
            turn.log.error(_SKIPPED, error=str(error))  # noqa: TRY400 - expected, a trace tells nothing
        except ClusterUnusable as error:
            text = f"failed to build a client to uninstall the release: {error}; {_WAY_OUT}"
            raise Failure(Reason.UNINSTALL_FAILED, text, notify=False) from error

    async def _uninstall_with(
        self, client: KubeClient, obj: HelmRelease, turn: Turn[HelmRelease], record: Record
    ) -> None:
        latest = record.latest
        if latest is None:
            return
        target = (record.get("storageNamespace"), latest.name)
        attempt = self._attempt(obj, turn, record, CustomChecks(), client, target=target)
        try:
            other = await self._ownership.rival(attempt)
            if other:
                turn.log.info(_SKIPPED, reason=f"the release belongs to HelmRelease {other} now")
                return
            await self._actions.uninstall(attempt)
        except StorageError as error:
            raise Failure(Reason.UNINSTALL_FAILED, str(error), notify=False) from error
        except NothingStored as error:
            ready = record.conditions.get(READY)
            text = ready.message if ready else str(error)
            raise Failure(Reason.UNINSTALL_FAILED, text, notify=False) from error


def _target_changed(attempt: Attempt, chart: Chart) -> bool:
    """Whether the release is another one now: by its namespaces, its name, or the name of its chart."""
    obj, record = attempt.obj, attempt.record
    stored, latest = record.get("storageNamespace"), record.latest
    if not stored or latest is None:
        return False
    if (obj.storage_namespace, obj.release_namespace, obj.release_name) != (
        stored,
        latest.namespace,
        latest.name,
    ):
        return True
    reinstalls = (obj.upgrade.chart_name_change_strategy or "Reinstall") == "Reinstall"
    return reinstalls and chart.name != latest.chart_name
