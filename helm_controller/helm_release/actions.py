"""The actions on a release, and what each of them leaves in the status of its HelmRelease."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from helm_controller.cluster.drift import Deviation, correct
from helm_controller.helm_release.attempt import Attempt, LogTail, metadata
from helm_controller.helm_release.inventory import inventory_of
from helm_controller.helm_release.options import Choices
from helm_controller.helm_release.reasons import RELEASED, REMEDIATED, TEST_SUCCESS, Reason
from helm_controller.helm_release.record import Record
from helm_controller.helm_release.recovery import recovered
from helm_controller.helm_release.rendering import Renderer
from helm_controller.helm_release.summary import summarise
from helm_controller.operations import (
    AlreadyUninstalled,
    NoRelease,
    OperationFailed,
    Options,
    install,
    rollback,
    run_tests,
    uninstall,
    unlock,
    upgrade,
)
from helm_controller.release.manifest import ManifestError
from helm_controller.release.model import Hook, Release
from helm_controller.release.snapshots import UNINSTALL_REMEDIATION, Snapshot, previous, tested
from helm_controller.release.storage import StorageError
from shared.events import Severity
from shared.lang.duration import format_duration
from shared.runtime.outcome import Superseded
from shared.status.conditions import FALSE, READY, TRUE, UNKNOWN

Work = Callable[[LogTail, Callable[[Release], None]], Awaitable[None]]


class NothingStored(Exception):
    """An action failed before it left any trace in the cluster."""


class Actions:
    """Runs actions; each of them is one step of an attempt."""

    def __init__(self, renderer: Renderer, choices: Choices) -> None:
        self._renderer = renderer
        self._choices = choices

    async def install(self, attempt: Attempt) -> None:
        """Installs the chart.

        Raises:
            NothingStored: it failed before anything was stored.
        """
        attempt.record.history = ()

        async def work(log: LogTail, observe: Callable[[Release], None]) -> None:
            means = attempt.means(observe, log)
            last = next(iter(await means.storage.history()), None)
            if last is not None and not attempt.obj.install.replace:
                raise OperationFailed("cannot reuse a name that is still in use")
            options = self._choices.install(attempt.obj)
            rendered = await self._renderer.rendered(attempt, last, means.waiting, options)
            await install(means, rendered, options, last)

        await self._release(attempt, "install", work)

    async def upgrade(self, attempt: Attempt) -> None:
        """Upgrades to the chart.

        Raises:
            NothingStored: it failed before anything was stored.
        """

        async def work(log: LogTail, observe: Callable[[Release], None]) -> None:
            means = attempt.means(observe, log)
            history = await means.storage.history()
            if not history:
                raise OperationFailed(f'"{attempt.release_name}" has no deployed releases')
            options = self._choices.upgrade(attempt.obj, history[0])
            rendered = await self._renderer.upgraded(attempt, history, means.waiting, options)
            await upgrade(means, rendered, options, history)

        await self._release(attempt, "upgrade", work)

    async def _release(self, attempt: Attempt, word: str, work: Work) -> None:
        """What installations and upgrades have in common."""
        record, chart = attempt.record, attempt.the_chart
        record.set("lastAttemptedReleaseAction", word)
        record.conditions.remove(TEST_SUCCESS, REMEDIATED)
        log = LogTail(attempt.turn.clock)
        written: dict[int, Release] = {}

        def observe(release: Release) -> None:
            written[release.version] = release

        started = attempt.turn.clock.monotonic()
        problem = ""
        try:
            await work(log, observe)
        except (OperationFailed, StorageError) as error:
            problem = attempt.told(error)
        except Superseded:
            _count(record, word, stored=bool(written))
            raise
        finally:
            # What was stored is known in any case: without it a deletion would not uninstall it.
            await self._observed(attempt, written, word)
        took = timedelta(seconds=attempt.turn.clock.monotonic() - started)
        record.set("lastAttemptedReleaseActionDuration", format_duration(took))
        if problem:
            name = f"{attempt.obj.release_namespace}/{attempt.obj.long_release_name}"
            text = f"Helm {word} failed for release {name} with chart {chart.text}: {problem}"
            _count(record, word, stored=bool(written))
            record.conditions.set(RELEASED, FALSE, f"{word.capitalize()}Failed", text)
            attempt.turn.event(
                Severity.ERROR,
                f"{word.capitalize()}Failed",
                log.added_to(text),
                metadata(chart.version, attempt.digest, chart.app_version, chart.oci_digest),
            )
            summarise(attempt)
            if not written:
                raise NothingStored(problem)
            return
        self._succeeded(attempt, word)

    def _succeeded(self, attempt: Attempt, word: str) -> None:
        record, latest = attempt.record, _latest(attempt)
        release = f"release {latest.full_name} with chart {latest.chart_text}"
        text = f"Helm {word} succeeded for {release}"
        record.conditions.set(RELEASED, TRUE, f"{word.capitalize()}Succeeded", text)
        if attempt.obj.test.enable and not latest.has_been_tested:
            awaiting = f"Helm {release} is awaiting tests"
            record.conditions.set(TEST_SUCCESS, UNKNOWN, Reason.AWAITING_TESTS, awaiting)
        if record.retry is not None:
            record.clear_failures()
        attempt.event(Severity.INFO, f"{word.capitalize()}Succeeded", text, latest)
        summarise(attempt)

    async def _observed(self, attempt: Attempt, written: dict[int, Release], action: str) -> None:
        """Takes over what was stored: the newest as a new snapshot, others in place of what was known."""
        if not written:
            return
        record = attempt.record
        top, *others = sorted(written, reverse=True)
        known = [each for each in record.history if each.version != top]
        # Of the others Flux keeps the newest alone up to date, and forgets by which action it came.
        known_versions = {each.version for each in known}
        refreshed = next((version for version in others if version in known_versions), None)
        known = [
            _refreshed(attempt, each, written[each.version], "") if each.version == refreshed else each
            for each in known
        ]
        oci_digest = record.get("lastAttemptedRevisionDigest")
        new = attempt.snapshot(written[top], action=action, oci_digest=oci_digest)
        record.history = (new, *known)
        await self._inventory(attempt, written[top])

    async def _inventory(self, attempt: Attempt, release: Release) -> None:
        try:
            definitions = await self._renderer.definitions_of(attempt)
            inventory, doubts = await inventory_of(attempt.client, release, definitions)
        except (ManifestError, OperationFailed) as error:
            text = f"failed to build inventory for {attempt.obj.namespace}/{attempt.obj.name}: {error}"
            attempt.turn.event(Severity.ERROR, Reason.INVENTORY_FAILED, text)
            return
        if doubts:
            attempt.turn.event(Severity.ERROR, Reason.NAMESPACE_CHECK_SKIPPED, "; ".join(doubts))
        attempt.record.set("inventory", {"entries": inventory.write()})

    async def test(self, attempt: Attempt) -> None:
        """Runs the tests of the chart.

        Raises:
            NothingStored: no test ran.
        """
        record, latest, test = attempt.record, _latest(attempt), attempt.obj.test
        filters = test.filters or ()
        excluded = {each.name for each in filters if each.exclude}
        included = {each.name for each in filters if not each.exclude}

        def chosen(hook: Hook) -> bool:
            return hook.name not in excluded and (not included or hook.name in included)

        def observe(release: Release) -> None:
            if latest.targets(release):
                snapshot = attempt.snapshot(release, action=latest.action, oci_digest=latest.oci_digest)
                hooks = [hook for hook in release.hooks if hook.is_test and chosen(hook)]
                record.history = (tested(snapshot, hooks), *record.history[1:])

        means = attempt.means(observe, LogTail(attempt.turn.clock))
        release = f"release {latest.full_name} with chart {latest.chart_text}"
        try:
            stored = next(iter(await means.storage.history()), None)
            await run_tests(means, _current(latest, stored), Options(attempt.obj.limit(test)), chosen)
        except (OperationFailed, StorageError) as error:
            text = f"Helm test failed for {release}: {attempt.told(error)}"
            record.add("failures")
            record.conditions.set(TEST_SUCCESS, FALSE, Reason.TEST_FAILED, text)
            attempt.event(Severity.ERROR, Reason.TEST_FAILED, text, _latest(attempt))
            ran = _latest(attempt).has_been_tested
            remediation = record.remediation
            if ran and remediation is not None and not remediation.ignore_tests:
                record.add(remediation.counter)
            summarise(attempt)
            if not ran:
                raise NothingStored(attempt.told(error)) from error
            return
        count = len(_latest(attempt).test_hooks or {})
        what = "no test hooks"
        if count:
            what = f"{count} test hook{'s' if count > 1 else ''} completed successfully"
        text = f"Helm test succeeded for {release}: {what}"
        record.conditions.set(TEST_SUCCESS, TRUE, Reason.TEST_SUCCEEDED, text)
        attempt.event(Severity.INFO, Reason.TEST_SUCCEEDED, text, _latest(attempt))
        summarise(attempt)

    async def rollback(self, attempt: Attempt) -> None:
        """Goes back to the last good revision.

        Raises:
            NothingStored: it failed before anything was stored.
        """
        record, latest = attempt.record, _latest(attempt)
        target = previous(record.history, ignore_tests=record.upgrade_remediation.ignore_tests)
        if target is None or (target.name, target.namespace) != (latest.name, latest.namespace):
            raise NothingStored("missing target release for rollback")
        written: list[Release] = []

        def observe(release: Release) -> None:
            written.append(release)
            known = record.history
            if any(each.targets(release) for each in known):
                record.history = tuple(
                    _refreshed(attempt, each, release, "rollback") if each.targets(release) else each
                    for each in known
                )
            else:
                record.history = (attempt.snapshot(release), *known)

        log = LogTail(attempt.turn.clock)
        means = attempt.means(observe, log)
        facts = metadata(target.chart_version, attempt.digest, target.app_version, target.oci_digest)
        what = f"Helm rollback to previous release {target.full_name} with chart {target.chart_text}"
        try:
            history = await means.storage.history()
            stored = _version(history, target.version)
            await rollback(means, stored, history, self._choices.rollback(attempt.obj, stored))
        except (OperationFailed, StorageError) as error:
            text = f"{what} failed: {attempt.told(error)}"
            record.add("failures")
            record.conditions.set(REMEDIATED, FALSE, Reason.ROLLBACK_FAILED, text)
            attempt.turn.event(Severity.ERROR, Reason.ROLLBACK_FAILED, log.added_to(text), facts)
            summarise(attempt)
            if not written:
                raise NothingStored(attempt.told(error)) from error
            return
        if written:
            await self._inventory(attempt, max(written, key=lambda release: release.version))
        record.conditions.set(REMEDIATED, TRUE, Reason.ROLLBACK_SUCCEEDED, f"{what} succeeded")
        attempt.turn.event(Severity.INFO, Reason.ROLLBACK_SUCCEEDED, f"{what} succeeded", facts)
        summarise(attempt)

    async def uninstall_remediation(self, attempt: Attempt) -> None:
        """Uninstalls a failed release, to begin anew.

        Raises:
            NothingStored: nothing changed.
        """
        latest = _latest(attempt)
        what = f"Helm uninstall remediation for release {latest.full_name} with chart {latest.chart_text}"
        record, log = attempt.record, LogTail(attempt.turn.clock)
        try:
            await self._uninstalled(attempt, latest, log, UNINSTALL_REMEDIATION)
        except (OperationFailed, StorageError) as error:
            text = f"{what} failed: {attempt.told(error)}"
            record.add("failures")
            record.conditions.set(REMEDIATED, FALSE, Reason.UNINSTALL_FAILED, text)
            attempt.event(Severity.ERROR, Reason.UNINSTALL_FAILED, log.added_to(text), _latest(attempt))
            if latest.digest == _latest(attempt).digest:
                raise NothingStored(attempt.told(error)) from error
            return
        record.conditions.set(REMEDIATED, TRUE, Reason.UNINSTALL_SUCCEEDED, f"{what} succeeded")
        attempt.event(Severity.INFO, Reason.UNINSTALL_SUCCEEDED, f"{what} succeeded", _latest(attempt))

    async def uninstall(self, attempt: Attempt) -> None:
        """Uninstalls the release for good.

        Raises:
            NothingStored: it failed.
        """
        latest, record, log = _latest(attempt), attempt.record, LogTail(attempt.turn.clock)
        what = f"release {latest.full_name} with chart {latest.chart_text}"
        problem = ""
        try:
            await self._uninstalled(attempt, latest, log, "uninstall")
            text = f"Helm uninstall succeeded for {what}"
        except NoRelease:
            text = f"Release {latest.full_name} was not found, assuming it is uninstalled"
        except AlreadyUninstalled:
            text = f"Release {latest.full_name} was already uninstalled"
        except (OperationFailed, StorageError) as error:
            problem = attempt.told(error)
        if problem:
            text = f"Helm uninstall failed for {what}: {problem}"
            record.add("failures")
            record.conditions.set(RELEASED, FALSE, Reason.UNINSTALL_FAILED, text)
            attempt.event(Severity.ERROR, Reason.UNINSTALL_FAILED, log.added_to(text), _latest(attempt))
            summarise(attempt)
            raise NothingStored(problem)
        record.set("inventory", None)
        record.conditions.set(RELEASED, FALSE, Reason.UNINSTALL_SUCCEEDED, text)
        if text.startswith("Helm"):
            attempt.event(Severity.INFO, Reason.UNINSTALL_SUCCEEDED, text, _latest(attempt))
        summarise(attempt)

    async def _uninstalled(self, attempt: Attempt, latest: Snapshot, log: LogTail, action: str) -> None:
        record = attempt.record

        def observe(release: Release) -> None:
            record.history = tuple(
                _refreshed(attempt, each, release, action) if each.targets(release) else each
                for each in record.history
            )

        release = await uninstall(attempt.means(observe, log), self._choices.uninstall(attempt.obj))
        if not latest.targets(release):
            raise OperationFailed(
                f"release mismatch: uninstalled release {release.full_name} != current release "
                f"{latest.full_name}"
            )

    async def unlock(self, attempt: Attempt) -> None:
        """Frees a release that is pending though nobody works on it.

        Raises:
            NothingStored: the record can't be written.
        """
        record = attempt.record
        storage = attempt.storage()
        history = await storage.history()
        stored = next(iter(history), None)
        if stored is None or not stored.pending:
            return
        record.history = recovered(attempt, history) or record.history

        def observe(release: Release) -> None:
            record.history = tuple(
                _refreshed(attempt, each, release, each.action) if each.targets(release) else each
                for each in record.history
            )

        known = next((each for each in record.history if each.targets(stored)), None)
        snapshot = attempt.snapshot(stored, oci_digest=known.oci_digest if known else "")
        what = f"Helm release {snapshot.full_name} with chart {snapshot.chart_text} in {stored.status} state"
        try:
            await unlock(attempt.means(observe, LogTail(attempt.turn.clock)), stored)
        except OperationFailed as error:
            text = f"Unlock of {what} failed: {attempt.told(error)}"
            record.add("failures")
            record.conditions.set(RELEASED, FALSE, Reason.PENDING_RELEASE, text)
            attempt.event(Severity.ERROR, Reason.PENDING_RELEASE, text, snapshot)
            summarise(attempt)
            raise NothingStored(attempt.told(error)) from error
        record.conditions.set(RELEASED, FALSE, Reason.PENDING_RELEASE, f"Unlocked {what}")
        attempt.event(Severity.INFO, Reason.PENDING_RELEASE, f"Unlocked {what}", snapshot)
        summarise(attempt)

    async def correct_drift(self, attempt: Attempt, drift: tuple[Deviation, ...]) -> None:
        """Puts back what differs; what can't be put back is told and tried again."""
        attempt.record.conditions.set(READY, UNKNOWN, Reason.PROGRESSING, "correcting cluster drift")
        latest = _latest(attempt)
        done, problems = await correct(attempt.client, drift)
        changes = "\n".join(done)
        if problems:
            partially = "partially " if done else ""
            text = f"Failed to {partially}correct cluster state of release {latest.full_name}:\n"
            text += attempt.told("\n".join(problems))
            if done:
                text += f"\n\nSuccessful corrections:\n{changes}"
            attempt.event(Severity.ERROR, Reason.DRIFT_CORRECTION_FAILED, text, latest)
        elif done:
            text = f"Cluster state of release {latest.full_name} has been corrected:\n{changes}"
            attempt.event(Severity.INFO, Reason.DRIFT_CORRECTED, text, latest)


def _count(record: Record, word: str, *, stored: bool) -> None:
    """Counts a failed release; what left no trace can be tried as often as it takes."""
    record.add("failures")
    if stored:
        record.add(f"{word}Failures")


def _latest(attempt: Attempt) -> Snapshot:
    latest = attempt.record.latest
    if latest is None:
        raise NothingStored("no latest release")
    return latest


def _current(latest: Snapshot, stored: Release | None) -> Release:
    if stored is None or not latest.targets(stored):
        raise OperationFailed("release mismatch: another revision is the current one")
    return stored


def _version(history: Sequence[Release], version: int) -> Release:
    for release in history:
        if release.version == version:
            return release
    raise OperationFailed(f"release has no {version} version")


def _refreshed(attempt: Attempt, known: Snapshot, release: Release, action: str) -> Snapshot:
    """A snapshot of a revision that was written again."""
    new = attempt.snapshot(release, action=action, oci_digest=known.oci_digest)
    return replace(new, test_hooks=known.test_hooks)
