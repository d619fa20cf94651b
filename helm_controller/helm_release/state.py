"""Where a release stands, compared with what its HelmRelease wants."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from helm_controller.cluster.applying import Owner
from helm_controller.cluster.drift import Deviation, compare
from helm_controller.cluster.objects import MANAGER
from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.summary import spec_digests
from helm_controller.release.digest import has_values
from helm_controller.release.manifest import objects_in
from helm_controller.release.model import Release, ReleaseStatus, UnreadableRelease
from helm_controller.release.snapshots import Snapshot
from helm_controller.release.storage import Record as StoredRecord
from helm_controller.release.storage import Storage
from shared.api.helm_v2 import HelmRelease
from shared.kube.resources import ObjectKey
from shared.lang.bounded import remember
from shared.ssa import IgnoreRule, Takeover, overridden

_REMEMBERED: Final = 4096
#: What was begun to be uninstalled is so until the end, or is upgraded for what is new.
_TO_REMEDIATE: Final = (ReleaseStatus.FAILED, ReleaseStatus.UNINSTALLING)


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

    @property
    def foreign(self) -> bool:
        """Whether somebody else may have made the release, or be at work on it."""
        return self.state in (State.UNMANAGED, State.LOCKED)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What counts of a stored revision."""

    status: str
    chart_name: str
    chart_version: str
    #: Whether the revision is as the snapshot says.
    agrees: bool
    #: Whether it has the values that are wanted, and perhaps more that are to be preserved.
    preserves: bool


@dataclass(slots=True)
class States:
    """Determines states; a record that has not changed is not read again.

    Where a release was in sync, the next list need not be newer than the one that told so, and after an
    action not newer than what that wrote: what somebody else did since then is in it a moment later.
    Everywhere else it is what etcd has now.
    """

    overridden_managers: tuple[str, ...] = ()
    _in_sync: OrderedDict[ObjectKey, str] = field(default_factory=OrderedDict)
    _known: OrderedDict[tuple[str, ...], _Facts | None] = field(default_factory=OrderedDict)

    async def determine(self, attempt: Attempt) -> Found:
        """The first that fits.

        Raises:
            Undetermined: nobody can tell; StorageError: the API server refuses; ManifestError: see there.
        """
        storage = attempt.storage()
        # Of the HelmRelease: there may be releases of one name in several clusters.
        key = ObjectKey(attempt.obj.namespace, attempt.obj.name)
        seen = self._in_sync.pop(key, "") if attempt.record.latest else ""
        seen = next(reversed(attempt.written), seen)
        listing = await storage.listing(seen)
        found = await self._found(attempt, storage, listing.records)
        if found.state is State.IN_SYNC:
            remember(self._in_sync, key, listing.resource_version, _REMEMBERED)
        return found

    async def _found(  # noqa: PLR0911 - a table of answers
        self, attempt: Attempt, storage: Storage, records: Sequence[StoredRecord]
    ) -> Found:
        newest, facts = await self._newest(attempt, storage, records)
        if newest is None or facts is None:
            return Found(State.ABSENT, "no release in storage for object")
        if facts.status.startswith("pending-"):
            return Found(State.LOCKED, f"release with status '{facts.status}'")
        snapshot = attempt.record.latest
        if snapshot is None:
            if facts.status == ReleaseStatus.UNINSTALLED:
                return Found(State.ABSENT, "found uninstalled release in storage")
            return Found(State.UNMANAGED, "found existing release in storage")
        if not facts.agrees and not snapshot.foresees(newest.version, facts.status):
            return Found(State.UNMANAGED, "release not observed to be made for object")
        if facts.status in _TO_REMEDIATE:
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
        if not (facts.preserves or attempt.has_values_of(snapshot.config_digest)):
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
        rules = _ignore_rules(attempt.obj)
        writers = overridden(self.overridden_managers)
        takeover = Takeover(MANAGER, writers) if writers else None
        owner = Owner(release.name, release.namespace)
        compared = await compare(attempt.client, objects_in(release.manifest), owner, rules, takeover)
        problem = "; ".join(compared.problems)
        if compared.deviations:
            if problem:
                attempt.turn.log.error("unable to compare some objects", error=attempt.told(problem))
            return Found(State.DRIFTED, "", tuple(compared.deviations))
        if problem:
            raise Undetermined(f"unable to determine cluster state: {problem}")
        return Found(State.IN_SYNC)

    async def _newest(
        self, attempt: Attempt, storage: Storage, records: Sequence[StoredRecord]
    ) -> tuple[StoredRecord, _Facts] | tuple[None, None]:
        """The newest record that can be read; others count for nothing, as in Helm."""
        for record in records:
            facts = await self._facts(attempt, storage, record)
            if facts is not None:
                return record, facts
        return None, None

    async def _facts(self, attempt: Attempt, storage: Storage, record: StoredRecord) -> _Facts | None:
        """What counts of a record; None of one that can't be read."""
        snapshot = attempt.record.latest
        preserving = attempt.digest if attempt.obj.upgrade.preserve_values else ""
        digest = snapshot.digest if snapshot else ""
        key = (storage.namespace, storage.name, record.resource_version, digest, preserving)
        if key not in self._known:
            facts = None
            with suppress(UnreadableRelease):
                release = storage.written.get(record.resource_version) or await storage.read(record.version)
                if release is None:
                    raise Undetermined(f"release {storage.name}.v{record.version} is gone from storage")
                facts = _Facts(
                    release.status,
                    release.chart_name,
                    release.chart_version,
                    snapshot is not None and snapshot.agrees(release),
                    bool(preserving) and has_values(release.config, attempt.values.values),
                )
            remember(self._known, key, facts, _REMEMBERED)
        return self._known[key]


def _ignore_rules(obj: HelmRelease) -> list[IgnoreRule]:
    try:
        return [
            IgnoreRule.compile(
                rule.paths, rule.target.model_dump(by_alias=True, exclude_none=True) if rule.target else None
            )
            for rule in obj.drift.ignore or ()
        ]
    except ValueError as error:
        raise Undetermined(f"spec.driftDetection.ignore can't be used: {error}") from error
