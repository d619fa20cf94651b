"""The history of a release whose last process died before it could tell of its last revision.

Such a revision bears the origin of its HelmRelease, so it is ours; and what came before it is still a good
target for a rollback. A revision that somebody else made is not known from here, and then nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.ownership import origin_of
from helm_controller.release.model import Release, ReleaseStatus
from helm_controller.release.snapshots import History, Snapshot


def recovered(attempt: Attempt, stored: Sequence[Release]) -> History:
    """What is known of the stored revisions, the newest first; nothing if the newest is not ours."""
    known = {each.version: each for each in attempt.record.history}
    if not known or not stored or not _ours(attempt, stored[0]):
        return ()
    newest = max(known)
    found: list[Snapshot] = []
    for release in stored:
        snapshot = known.get(release.version)
        if snapshot is not None and snapshot.targets(release):
            found += _as_stored(attempt, snapshot, release)
        elif release.version > newest and _ours(attempt, release):
            found.append(_untold(attempt, release))
    return tuple(found)


def _ours(attempt: Attempt, release: Release) -> bool:
    return origin_of(release) == (attempt.obj.namespace, attempt.obj.name)


def _as_stored(attempt: Attempt, snapshot: Snapshot, release: Release) -> list[Snapshot]:
    """The snapshot, with the news that its revision was superseded; none if it was changed otherwise."""
    if snapshot.agrees(release):
        return [snapshot]
    if (snapshot.status, release.status) != (ReleaseStatus.DEPLOYED, ReleaseStatus.SUPERSEDED):
        return []
    new = attempt.snapshot(release, action=snapshot.action, oci_digest=snapshot.oci_digest)
    return [replace(new, test_hooks=snapshot.test_hooks)]


def _untold(attempt: Attempt, release: Release) -> Snapshot:
    """A snapshot as the process would have taken it."""
    chart = attempt.chart
    same = chart is not None and chart.version == release.chart_version
    action = "rollback" if release.info.rollback_revision else "upgrade"
    return attempt.snapshot(
        release, action=action, oci_digest=chart.oci_digest if chart is not None and same else ""
    )
