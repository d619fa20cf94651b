"""The story of a HelmChart: storage -> source -> version -> download or package -> artifact."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import HelmChart, HelmRepository
from shared.events import Severity
from shared.runtime.outcome import Failure, Gone, Outcome, Stalled, Waiting
from shared.runtime.turn import Turn
from shared.status.conditions import FALSE, TRUE
from source_controller.artifacts import (
    FETCH_FAILED,
    VERIFIED,
    Before,
    CommonReason,
    Shelf,
    building,
    in_storage,
    outdated,
    place_of,
    stalled,
    storing,
    tell,
    unchanged,
)
from source_controller.helm_chart.builds import Build
from source_controller.helm_chart.conditions import (
    BUILD_FAILED,
    FAILURES,
    OWNED,
    BuildError,
    Fault,
    Reason,
)
from source_controller.helm_chart.from_repository import RepositoryBuilds
from source_controller.helm_chart.from_tree import TreeBuilds
from source_controller.helm_chart.remote import LoginFailed
from source_controller.helm_chart.sources import ChartSources, NoArtifact, Source, is_registry
from source_controller.helm_repository.client import InvalidUrl
from source_controller.storage import Storage

_WAIT: Final = timedelta(seconds=30)
"""Until the next look at a source that has no artifact; a new one brings the chart back at once."""


class HelmChartReconciler:
    """Keeps an artifact of the chart that a HelmChart names."""

    kind = HelmChart
    owned = OWNED

    def __init__(
        self,
        sources: ChartSources,
        repositories: RepositoryBuilds,
        trees: TreeBuilds,
        shelf: Shelf,
        storage: Storage,
    ) -> None:
        self._sources = sources
        self._repositories = repositories
        self._trees = trees
        self._shelf = shelf
        self._storage = storage

    async def reconcile(self, obj: HelmChart, turn: Turn[HelmChart]) -> Outcome:
        """One pass; see the module. A source that has nothing yet ends it early."""
        turn.progress("reconciliation in progress")
        before = Before.of(turn, FAILURES)
        conditions = turn.draft.conditions
        if conditions.status(VERIFIED) == FALSE:
            conditions.remove(VERIFIED)
        current = await self._shelf.current(obj, turn)
        source = await self._sources.find(obj)
        try:
            async with self._built(obj, source, current, turn) as build:
                artifact = await self._stored(obj, build, current, turn)
        except NoArtifact as missing:
            conditions.set(FETCH_FAILED, TRUE, Reason.NO_SOURCE_ARTIFACT, str(missing))
            turn.event(Severity.TRACE, Reason.NO_SOURCE_ARTIFACT, str(missing))
            return Waiting(Reason.NO_SOURCE_ARTIFACT, str(missing), _WAIT)
        except BuildError as error:
            return _failed(obj, error, turn)
        except InvalidUrl as error:
            return stalled(turn, CommonReason.URL_INVALID, f"invalid Helm repository URL: {error}")
        except LoginFailed as error:
            text = f"failed to authenticate with the Helm repository: {error}"
            raise Failure(CommonReason.AUTHENTICATION_FAILED, text, condition=FETCH_FAILED) from error
        tell(artifact, before, build.summary, turn, build.reason)
        return in_storage(turn, FAILURES, build.summary, obj.spec.interval, build.reason)

    async def finalize(self, obj: HelmChart, turn: Turn[HelmChart]) -> Outcome:
        """Removes what is stored of a deleted HelmChart."""
        await self._shelf.remove(obj, turn)
        return Gone()

    @asynccontextmanager
    async def _built(
        self, obj: HelmChart, source: Source, current: Artifact | None, turn: Turn[HelmChart]
    ) -> AsyncIterator[Build]:
        """The build, by the kind of source; which revision it is of is remembered even if it fails."""
        if not is_registry(source):
            stored = self._sources.stored(source)
            turn.draft["observedSourceArtifactRevision"] = stored.artifact.revision
        if isinstance(source, HelmRepository):
            building_it = self._repositories.build(obj, source, current)
        else:
            building_it = self._trees.build(obj, stored, current)
        async with building_it as build:
            yield build

    async def _stored(
        self, obj: HelmChart, build: Build, current: Artifact | None, turn: Turn[HelmChart]
    ) -> Artifact:
        """The artifact of a build."""
        turn.revision = build.version
        _observe(build, turn)
        if build.file is None and current is not None:
            unchanged(current, turn)
            return current
        assert build.file is not None  # noqa: S101 - without an artifact nothing can be up to date
        if current is None:
            building(turn, build.summary)
        elif (obj.status.observed_chart_name, current.revision) != (build.name, build.version):
            outdated(turn, build.summary, Reason.NEW_CHART)
        with storing():
            artifact = await self._storage.publish_file(
                place_of(obj), revision=build.version, filename=build.filename, source=build.file
            )
        await self._shelf.show(obj, artifact, turn)
        turn.draft["observedChartName"] = build.name
        optional = obj.spec.ignore_missing_values_files
        turn.draft["observedValuesFiles"] = (
            list(build.values_files) if optional and build.values_files else None
        )
        return artifact


def _observe(build: Build, turn: Turn[HelmChart]) -> None:
    """What the build has shown, before anything is stored."""
    conditions = turn.draft.conditions
    conditions.remove(FETCH_FAILED, BUILD_FAILED)
    if build.verified:
        text = f"verified signature of version {build.version}"
        conditions.set(VERIFIED, TRUE, CommonReason.SUCCEEDED, text)
    else:
        conditions.remove(VERIFIED)
    if build.added:
        text = f"resolved {build.added} chart dependencies"
        turn.event(Severity.TRACE, Reason.RESOLVED_DEPENDENCIES, text)


def _failed(obj: HelmChart, error: BuildError, turn: Turn[HelmChart]) -> Stalled:
    """What a failed build means; one that only something else can heal is looked at again at the interval."""
    conditions, message = turn.draft.conditions, str(error)
    conditions.remove(FETCH_FAILED, BUILD_FAILED)
    conditions.set(error.condition, TRUE, error.reason, message)
    if error.fault is Fault.VERIFICATION:
        conditions.set(VERIFIED, FALSE, CommonReason.VERIFICATION_ERROR, message)
        raise Failure(CommonReason.VERIFICATION_ERROR, message) from error
    if not error.stalls:
        raise Failure(error.reason, message, retry_after=error.retry_after) from error
    return Stalled(error.reason, message, obj.spec.interval)
