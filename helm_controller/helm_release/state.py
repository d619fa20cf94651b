"""Where a release stands, compared with what its HelmRelease wants."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from helm_controller.cluster.applying import Owner
from helm_controller.cluster.drift import Deviation, compare
from helm_controller.cluster.objects import MANAGER, placed
from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.summary import spec_digests
from helm_controller.release.model import Release, ReleaseStatus
from helm_controller.release.snapshots import Snapshot
from helm_controller.release.storage import Record as StoredRecord
from helm_controller.release.storage import Storage
from helm_controller.rendering.manifests import objects_in
from shared.lang.bounded import remember
from shared.ssa import IgnoreRule, Takeover

_REMEMBERED: Final = 4096


class State(StrEnum):
    """Where a release stands."""

    ABSENT = "Absent"
    UNMANAGED = "Unmanaged"
    OUT_OF_SYNC = "OutOfSync"
    DRIFTED = "Drifted"
    LOCKED = "Locked"
    UNTESTED = "Untested"
    IN_SYNC = "InSync"
    FAILED = "Failed"


class Undetermined(Exception):
    """Nobody can tell where the release stands."""


@dataclass(frozen=True, slots=True)
class Found:
    """A state, and why it is the one."""

    state: State
    reason: str = ""
    drift: tuple[Deviation, ...] = ()


@dataclass(frozen=True, slots=True)
class _Facts:
    """What counts of a stored revision."""

    status: str
    chart_name: str
    chart_version: str
    #: Whether the revision is as the snapshot says.
    agrees: bool


@dataclass(slots=True)
class States:
    """Determines states; a record that has not changed is not read again."""

    overridden_managers: tuple[str, ...] = ()
    _known: OrderedDict[tuple[str, ...], _Facts] = field(default_factory=OrderedDict)

    async def determine(self, attempt: Attempt) -> Found:  # noqa: PLR0911 - a table of answers
        """The first that fits.

        Raises:
            Undetermined: nobody can tell; StorageError, ClusterError: the API server refuses.
        """
        storage = attempt.storage()
        records = await storage.records()
        if not records:
            return Found(State.ABSENT, "no release in storage for object")
        newest = records[0]
        if newest.status.startswith("pending-"):
            return Found(State.LOCKED, f"release with status '{newest.status}'")
        snapshot = attempt.record.latest
        if snapshot is None:
            if newest.status == ReleaseStatus.UNINSTALLED:
                return Found(State.ABSENT, "found uninstalled release in storage")
            return Found(State.UNMANAGED, "found existing release in storage")
        facts = await self._facts(storage, newest, snapshot)
        if not facts.agrees:
            return Found(State.UNMANAGED, "release not observed to be made for object")
        if facts.status == ReleaseStatus.FAILED:
            return Found(State.FAILED)
        if facts.status == ReleaseStatus.UNINSTALLED:
            return Found(State.ABSENT, "found uninstalled release in storage")
        if facts.status != ReleaseStatus.DEPLOYED:
            raise Undetermined(f"unable to determine state for release with status '{facts.status}'")
        return await self._deployed(attempt, storage, newest, facts, snapshot)

    async def _deployed(  # noqa: PLR0911 - a table of answers
        self, attempt: Attempt, storage: Storage, newest: StoredRecord, facts: _Facts, snapshot: Snapshot
    ) -> Found:
        chart, record = attempt.the_chart, attempt.record
        if (facts.chart_name, facts.chart_version) != (chart.name, chart.version):
            return Found(State.OUT_OF_SYNC, "release chart changed")
        if attempt.digest != snapshot.config_digest:
            return Found(State.OUT_OF_SYNC, "release config values changed")
        if record.fields.get("observedGeneration") != attempt.obj.generation:
            post_renderers, common_metadata = spec_digests(attempt.obj)
            if post_renderers != record.get("observedPostRenderersDigest"):
                return Found(State.OUT_OF_SYNC, "postrenderers digest has changed")
            if common_metadata != record.get("observedCommonMetadataDigest"):
                return Found(State.OUT_OF_SYNC, "common metadata digest has changed")
        if attempt.obj.test.enable:
            if not snapshot.has_been_tested:
                return Found(State.UNTESTED)
            remediation = record.remediation
            if remediation and not remediation.ignore_tests and snapshot.has_failed_test:
                return Found(State.FAILED, "release has test in failed phase")
        if attempt.obj.drift.detects:
            release = await storage.get(newest.version)
            if release is not None:
                return await self._compared(attempt, release)
        return Found(State.IN_SYNC)

    async def _compared(self, attempt: Attempt, release: Release) -> Found:
        objects = await placed(attempt.client, objects_in(release.manifest), release.namespace)
        rules = [
            IgnoreRule.compile(
                rule.paths, rule.target.model_dump(by_alias=True, exclude_none=True) if rule.target else None
            )
            for rule in attempt.obj.drift.ignore or ()
        ]
        takeover = Takeover(MANAGER, self.overridden_managers) if self.overridden_managers else None
        owner = Owner(release.name, release.namespace)
        compared = await compare(attempt.client, objects, owner, rules, takeover)
        if compared.deviations:
            return Found(State.DRIFTED, "", tuple(compared.deviations))
        if compared.problems:
            raise Undetermined(f"unable to determine cluster state: {'; '.join(compared.problems)}")
        return Found(State.IN_SYNC)

    async def _facts(self, storage: Storage, newest: StoredRecord, snapshot: Snapshot) -> _Facts:
        key = (storage.namespace, storage.name, newest.resource_version, snapshot.digest)
        known = self._known.get(key)
        if known is None:
            release = await storage.get(newest.version)
            if release is None:
                raise Undetermined(f"release {storage.name}.v{newest.version} in storage can't be read")
            known = _Facts(
                release.status, release.chart_name, release.chart_version, snapshot.agrees(release)
            )
            remember(self._known, key, known, _REMEMBERED)
        return known
