"""What is to be done next about a release."""

from __future__ import annotations

from enum import StrEnum

from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.reasons import DRIFTED, RELEASED, REMEDIATED, Reason
from helm_controller.helm_release.record import Record
from helm_controller.helm_release.recovery import recovered
from helm_controller.helm_release.state import Found, State
from helm_controller.helm_release.summary import summarise
from helm_controller.release.snapshots import about_to_be_uninstalled, newest, previous, truncated
from shared.events import Severity
from shared.status.conditions import FALSE, READY, TRUE


class Action(StrEnum):
    """What can be done; the values are part of messages."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    TEST = "test"
    ROLLBACK = "rollback"
    UNINSTALL = "uninstall"
    UNLOCK = "unlock"
    CORRECT = "correct cluster drift"

    @property
    def releases(self) -> bool:
        """Whether it brings a new revision into the cluster."""
        return self in (Action.INSTALL, Action.UPGRADE)

    @property
    def remediates(self) -> bool:
        """Whether it takes a failed revision back."""
        return self in (Action.ROLLBACK, Action.UNINSTALL)

    @property
    def type(self) -> str:
        """Of each type there is one action at most in an attempt."""
        if self.releases:
            return "release"
        return "remediate" if self.remediates else self.value


class Exhausted(Exception):
    """No attempt is left."""


class NoRollbackTarget(Exception):
    """There is nothing to roll back to."""


async def next_action(attempt: Attempt, found: Found) -> Action | None:
    """The next action; None when all is as it should be.

    What was asked for by force is an upgrade, whatever else there is to be done; any release answers it.

    Raises:
        Exhausted, NoRollbackTarget: nothing can be done any more.
    """
    action = await _chosen(attempt, found)
    if action is not None and action.releases:
        attempt.forced = False
    return action


async def _chosen(attempt: Attempt, found: Found) -> Action | None:  # noqa: PLR0911 - a table of answers
    record = attempt.record
    match found.state:
        case State.IN_SYNC:
            return _in_sync(attempt)
        case State.LOCKED:
            return Action.UNLOCK
        case State.ABSENT:
            return _unless_exhausted(attempt, Action.INSTALL)
        case State.UNMANAGED:
            record.history = recovered(attempt, await attempt.storage().history())
            return Action.UPGRADE
        case State.OUT_OF_SYNC:
            return _unless_exhausted(attempt, Action.UPGRADE)
        case State.DRIFTED:
            _tell_drift(attempt, found)
            if attempt.forced:
                return Action.UPGRADE
            return Action.CORRECT if attempt.obj.drift.mode == "enabled" else None
        case State.UNTESTED:
            _no_longer_remediated(record)
            return Action.UPGRADE if attempt.forced else Action.TEST
        case State.FAILED:
            return await _failed(attempt)


def _unless_exhausted(attempt: Attempt, action: Action) -> Action:
    record = attempt.record
    install = action is Action.INSTALL
    remediation = record.install_remediation if install else record.upgrade_remediation
    if record.exhausted(remediation) and not attempt.forced:
        raise Exhausted(f"cannot {action} release")
    return action


def _in_sync(attempt: Attempt) -> Action | None:
    record = attempt.record
    history = record.history
    if record.retry is not None:
        record.history = newest(history)
    else:
        record.history = truncated(history, ignore_tests=record.ignores_tests)
    if attempt.forced:
        return Action.UPGRADE
    _no_longer_remediated(record)
    conditions, latest = record.conditions, record.latest
    if latest is not None and not (conditions.holds(READY) and conditions.holds(RELEASED)):
        released = conditions.get(RELEASED)
        word = {Reason.INSTALL_FAILED: "install", Reason.UPGRADE_FAILED: "upgrade"}.get(
            Reason(released.reason) if released and released.reason in set(Reason) else Reason.PROGRESSING
        )
        if word:
            text = f"Helm {word} succeeded for release {latest.full_name} with chart {latest.chart_text}"
            conditions.set(RELEASED, TRUE, f"{word.capitalize()}Succeeded", text)
            summarise(attempt)
    if attempt.obj.drift.detects:
        text = "No drift detected against the cluster state"
        conditions.set(DRIFTED, FALSE, Reason.NO_DRIFT, text)
    return None


async def _failed(attempt: Attempt) -> Action:
    record = attempt.record
    if record.retry is not None:
        record.history = newest(record.history)
        return Action.UPGRADE
    remediation = record.remediation
    if remediation is None or record.count(remediation.counter) <= 0 or attempt.forced:
        return Action.UPGRADE
    if record.exhausted(remediation) and not remediation.last_too:
        raise Exhausted("cannot remediate failed release")
    record.history = truncated(record.history, ignore_tests=remediation.ignore_tests)
    if remediation.strategy == "uninstall":
        record.history = about_to_be_uninstalled(record.history)
        return Action.UNINSTALL
    target = previous(record.history, ignore_tests=remediation.ignore_tests)
    if target is None:
        raise NoRollbackTarget("missing target release for rollback: cannot remediate failed release")
    stored = await attempt.storage().get(target.version)
    # A target that somebody changed or took away is none: the upgrade is tried once more instead.
    return Action.ROLLBACK if stored is not None and target.agrees(stored) else Action.UPGRADE


def _tell_drift(attempt: Attempt, found: Found) -> None:
    latest = attempt.record.latest
    name = latest.full_name if latest else attempt.release_name
    lines = "\n".join(deviation.line for deviation in found.drift)
    message = f"Cluster state of release {name} has drifted from the desired state:\n{lines}"
    for deviation in found.drift:
        attempt.turn.log.info(
            "detected drift", object=deviation.placed.id.display, places=deviation.paths or "missing"
        )
    attempt.turn.event(Severity.ERROR, Reason.DRIFT_DETECTED, message)
    attempt.record.conditions.set(DRIFTED, TRUE, Reason.DRIFT_DETECTED, message)


def _no_longer_remediated(record: Record) -> None:
    """What a rollback came back to is what is wanted now."""
    latest, conditions = record.latest, record.conditions
    if latest is None or not conditions.holds(REMEDIATED):
        return
    text = f"Helm upgrade succeeded for release {latest.full_name} with chart {latest.chart_text}"
    conditions.remove(REMEDIATED, RELEASED)
    conditions.set(RELEASED, TRUE, Reason.UPGRADE_SUCCEEDED, text)
