"""The loop of an attempt: look where the release stands, do what is next, until nothing is left to do.

Of each type of action one runs at most, and a remediation ends the attempt, so that a release that can't
be made to fit never keeps a worker busy.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from helm_controller.helm_release.actions import Actions, NothingStored
from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.decisions import Action, Exhausted, NoRollbackTarget, next_action
from helm_controller.helm_release.fights import Fights, given_up
from helm_controller.helm_release.ownership import Ownership
from helm_controller.helm_release.reasons import Reason
from helm_controller.helm_release.state import Found, State, States, Undetermined
from helm_controller.helm_release.summary import summarise
from helm_controller.release.manifest import ManifestError
from helm_controller.release.storage import StorageError
from shared.api.helm_v2 import HelmRelease
from shared.lang.duration import format_duration
from shared.observe import metrics
from shared.runtime.outcome import Failure, Interrupted, Stalled, Told
from shared.status.conditions import FALSE, READY, RECONCILING, UNKNOWN


class Attempts:
    """Runs attempts."""

    def __init__(self, states: States, actions: Actions, ownership: Ownership) -> None:
        self._states = states
        self._actions = actions
        self._ownership = ownership
        self._fights = Fights()

    async def run(self, attempt: Attempt) -> Told | Stalled:
        """Brings a release to what is wanted, as far as one attempt goes.

        Raises:
            Failure: something failed that will be tried again; Superseded, Interrupted: the wait was ended.
        """
        done: set[str] = set()
        while True:
            found = await self._found(attempt)
            action = await self._next(attempt, found)
            if isinstance(action, Told | Stalled):
                return action
            if action is None:
                return self._nothing_to_do(attempt)
            if action.type in done:
                return self._enough(attempt, found)
            told = await self._run(attempt, action, found)
            if told is not None:
                return told
            if action.remediates:
                return _after_remediation(attempt)
            done.add(action.type)

    async def _next(self, attempt: Attempt, found: Found) -> Action | Told | Stalled | None:
        """What is to be done, nothing, or why the attempt ends here."""
        try:
            refusal = await self._ownership.refusal(attempt) if found.foreign else None
            return refusal or await next_action(attempt, found)
        except Exhausted:
            return _stalled(attempt)
        except NoRollbackTarget as error:
            text = f"Failed to perform remediation: {error}"
            attempt.record.conditions.mark_stalled(Reason.MISSING_ROLLBACK_TARGET, text)
            attempt.turn.log.info(text)
            return Told(observed=True)
        except StorageError as error:
            raise _failure(attempt, str(error)) from error

    def _nothing_to_do(self, attempt: Attempt) -> Told:
        self._fights.over(attempt)
        attempt.record.conditions.remove(RECONCILING)
        summarise(attempt)
        # What was found true before is true of this generation as well.
        attempt.record.conditions.restate()
        return Told(attempt.obj.spec.interval, observed=True)

    def _enough(self, attempt: Attempt, found: Found) -> Told:
        """What follows when an action would have to run again in the same attempt."""
        record = attempt.record
        if found.state is State.DRIFTED and self._fights.lost(attempt):
            return given_up(attempt, found.drift)
        if record.retry is not None:
            return _retrying(attempt)
        remediation = record.remediation
        if remediation is None or not record.exhausted(remediation):
            return _again(attempt)
        record.conditions.remove(RECONCILING)
        return Told(attempt.obj.spec.interval, observed=True)

    async def _found(self, attempt: Attempt) -> Found:
        try:
            found = await self._states.determine(attempt)
        except (Undetermined, StorageError, ManifestError) as error:
            text = f"Could not determine release state: {attempt.told(error)}"
            raise Failure(Reason.STATE_ERROR, text, notify=False) from error
        _measure(attempt.obj, found)
        return found

    async def _run(self, attempt: Attempt, action: Action, found: Found) -> Told | None:
        """Runs one action; gives the end of the attempt if it came to one."""
        conditions, record = attempt.record.conditions, attempt.record
        limit = format_duration(_timeout(attempt, action))
        text = f"Running '{action}' action with timeout of {limit}"
        conditions.mark_reconciling(Reason.PROGRESSING, text)
        if action.releases:
            conditions.set(READY, UNKNOWN, Reason.PROGRESSING, text)
        # What is about to happen must be known before it does: after a crash this tells what to clean up.
        await attempt.turn.save()
        attempt.turn.log.info(text)
        try:
            await self._do(attempt, action, found)
        except NothingStored as error:
            attempt.turn.log.info("action failed", action=action.value, error=str(error))
            if record.retry is not None:
                return _retrying(attempt)
            raise _failure(attempt, str(error)) from error
        except Interrupted:
            await attempt.turn.save()
            raise
        return None

    async def _do(self, attempt: Attempt, action: Action, found: Found) -> None:
        match action:
            case Action.INSTALL:
                await self._actions.install(attempt)
            case Action.UPGRADE:
                await self._actions.upgrade(attempt)
            case Action.TEST:
                await self._actions.test(attempt)
            case Action.ROLLBACK:
                await self._actions.rollback(attempt)
            case Action.UNINSTALL:
                await self._actions.uninstall_remediation(attempt)
            case Action.UNLOCK:
                await self._actions.unlock(attempt)
            case Action.CORRECT:
                await self._actions.correct_drift(attempt, found.drift)


def _measure(obj: HelmRelease, found: Found) -> None:
    labels = (obj.name, obj.namespace)
    if obj.drift.detects:
        metrics.helm_drifted.labels(*labels).set(len(found.drift))
    else:
        with suppress(KeyError):
            metrics.helm_drifted.remove(*labels)


def _timeout(attempt: Attempt, action: Action) -> timedelta:
    obj = attempt.obj
    match action:
        case Action.INSTALL:
            return obj.limit(obj.install)
        case Action.UPGRADE:
            return obj.limit(obj.upgrade)
        case Action.TEST:
            return obj.limit(obj.test)
        case Action.ROLLBACK:
            return obj.limit(obj.rollback)
        case Action.UNINSTALL:
            return obj.limit(obj.uninstall)
    return obj.timeout


def _after_remediation(attempt: Attempt) -> Told:
    record = attempt.record
    if record.retry is not None:
        return _retrying(attempt)
    remediation = record.remediation
    reinstalls = remediation is not None and remediation.after_upgrade and remediation.strategy == "uninstall"
    if remediation is None or not record.exhausted(remediation) or reinstalls:
        return _again(attempt)
    return _stalled(attempt)


def _retrying(attempt: Attempt) -> Told:
    interval = attempt.record.retry
    text = f"retrying after {format_duration(interval)}" if interval else ""
    attempt.record.conditions.mark_reconciling(Reason.RETRYING, text)
    return Told(interval, observed=True)


def _again(attempt: Attempt) -> Told:
    conditions = attempt.record.conditions
    ready = conditions.get(READY)
    message = ready.message if ready else ""
    conditions.mark_reconciling(Reason.RETRYING, message)
    if conditions.holds(READY):
        conditions.set(READY, UNKNOWN, Reason.RETRYING, message)
    return Told(again=True)


def _stalled(attempt: Attempt) -> Told:
    record = attempt.record
    remediation = record.remediation
    count = record.count(remediation.counter) if remediation else 0
    text = f"Failed to {record.last_action or 'install'} after {count} attempt(s)"
    record.conditions.mark_stalled(Reason.RETRIES_EXCEEDED, text)
    attempt.turn.log.error(text)
    return Told(observed=True)


def _failure(attempt: Attempt, problem: str) -> Failure:
    """The end of a turn that is repeated with back-off; what Ready says of the failure stays."""
    conditions = attempt.record.conditions
    ready = conditions.get(READY)
    if ready is None or ready.status != FALSE:
        return Failure(Reason.RECONCILE_ERROR, problem, notify=False)
    return Failure(ready.reason, ready.message, notify=False)
