"""How each outcome reads as conditions. Pure; the rules of the kstatus contract hold after every one of them.

`status.observedGeneration` moves only when the object ends ready or stalled, so that an object that fails
and will be retried stays "in progress" for clients.
"""

from __future__ import annotations

from shared.runtime.outcome import Done, Failure, Stalled, Waiting
from shared.status.conditions import FALSE, READY, RECONCILING, STALLED, TRUE, UNKNOWN
from shared.status.draft import StatusDraft

_RETRY = "ProgressingWithRetry"


def done(draft: StatusDraft, outcome: Done) -> None:
    """Ready; nothing negative is left of the runtime's own conditions."""
    draft.conditions.remove(RECONCILING, STALLED)
    draft.conditions.set(READY, TRUE, outcome.reason, outcome.message)
    draft.observe()


def waiting(draft: StatusDraft, outcome: Waiting) -> None:
    """Not ready, and no fault: nothing is said about progress that was not said before."""
    draft.conditions.remove(STALLED)
    draft.conditions.set(READY, FALSE, outcome.reason, outcome.message)
    _retrying(draft)


def stalled(draft: StatusDraft, outcome: Stalled) -> None:
    """Not ready until the object is edited."""
    draft.conditions.mark_stalled(outcome.reason, outcome.message)
    draft.conditions.set(READY, FALSE, outcome.reason, outcome.message)
    draft.observe()


def failed(draft: StatusDraft, failure: Failure) -> None:
    """Not ready, will be retried."""
    draft.conditions.remove(STALLED)
    if failure.condition:
        draft.conditions.set(failure.condition, TRUE, failure.reason, failure.message)
    draft.conditions.set(READY, FALSE, failure.reason, failure.message)
    if draft.conditions.get(RECONCILING) is None:
        draft.conditions.mark_reconciling(_RETRY, failure.message)
    _retrying(draft)


def canceled(draft: StatusDraft, by: str) -> None:
    """A wait ended because something new arrived; the next turn follows at once."""
    draft.conditions.remove(STALLED)
    draft.conditions.set(READY, FALSE, "HealthCheckCanceled", f"New reconciliation triggered by {by}")
    _retrying(draft)


def suspended(draft: StatusDraft) -> None:
    """Nothing is done; an object that was ready stays ready, one that nobody knows about says why."""
    draft.conditions.remove(STALLED)
    if draft.conditions.holds(READY):
        draft.conditions.remove(RECONCILING)
        draft.conditions.restate()
        draft.observe()
        return
    if draft.conditions.status(READY) == UNKNOWN:
        draft.conditions.set(READY, FALSE, "Suspended", "reconciliation is suspended")
    _retrying(draft)


def _retrying(draft: StatusDraft) -> None:
    known = draft.conditions.get(RECONCILING)
    if known is not None:
        draft.conditions.set(RECONCILING, TRUE, _RETRY, known.message)
