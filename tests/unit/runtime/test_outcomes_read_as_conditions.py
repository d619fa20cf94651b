"""Every outcome, after every state that an object can be in, keeps the contract with clients."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.runtime import conclude
from shared.runtime.outcome import Done, Failure, Stalled, Waiting
from shared.status.draft import StatusDraft
from shared.testing.kstatus_contract import violations

NOW = datetime(2026, 1, 2, tzinfo=UTC)

OUTCOMES = {
    "done": lambda draft: conclude.done(draft, Done(timedelta(minutes=5), "Succeeded", "fine")),
    "waiting": lambda draft: conclude.waiting(draft, Waiting("DependencyNotReady", "not yet", None)),
    "stalled": lambda draft: conclude.stalled(draft, Stalled("InvalidPath", "no such path")),
    "failed": lambda draft: conclude.failed(draft, Failure("BuildFailed", "broken")),
    "fetch failed": lambda draft: conclude.failed(
        draft, Failure("GitOperationFailed", "unreachable", condition="FetchFailed")
    ),
    "canceled": lambda draft: conclude.canceled(draft, "GitRepository/apps/web"),
    "suspended": conclude.suspended,
}


def progress(draft):
    draft.conditions.mark_reconciling("Progressing", "building")


def nothing(draft):
    pass


def after(status, *steps, generation=2):
    """The object as it is after the steps."""
    draft = StatusDraft({"metadata": {"generation": generation}, "status": status})
    for step in steps:
        step(draft)
    conditions = draft.conditions.render(status.get("conditions") or (), NOW)
    return {
        "metadata": {"generation": generation},
        "status": {**draft.fields, **({"conditions": conditions} if conditions else {})},
    }


def says(obj, kind):
    found = [each for each in obj["status"].get("conditions", ()) if each["type"] == kind]
    return (found[0]["status"], found[0]["reason"]) if found else None


FRESH = {"observedGeneration": -1}


@pytest.mark.parametrize("between", [nothing, progress], ids=["at once", "after progress"])
@pytest.mark.parametrize("second", OUTCOMES)
@pytest.mark.parametrize("first", OUTCOMES)
def test_any_outcome_after_any_other_keeps_the_contract(first, second, between):
    for generation in (1, 2):
        before = after(FRESH, OUTCOMES[first], generation=1)
        obj = after(before["status"], between, OUTCOMES[second], generation=generation)
        # A failing sub-condition is the reconciler's own: it takes it away when its step succeeds.
        if first == "fetch failed" and second in {"done", "suspended"}:
            continue
        assert violations(obj) == []


def test_success_takes_over_the_generation_and_ends_progress():
    obj = after(FRESH, progress, OUTCOMES["done"])
    assert says(obj, "Ready") == ("True", "Succeeded")
    assert says(obj, "Reconciling") is None
    assert obj["status"]["observedGeneration"] == 2


def test_a_failure_goes_on_reconciling_and_leaves_the_generation():
    obj = after(FRESH, progress, OUTCOMES["failed"])
    assert says(obj, "Ready") == ("False", "BuildFailed")
    assert says(obj, "Reconciling") == ("True", "ProgressingWithRetry")
    assert obj["status"]["observedGeneration"] == -1


def test_a_failing_step_stays_visible_beside_ready():
    obj = after(FRESH, OUTCOMES["fetch failed"])
    assert says(obj, "FetchFailed") == ("True", "GitOperationFailed")
    assert says(obj, "Ready") == ("False", "GitOperationFailed")


def test_a_failure_for_good_takes_over_the_generation():
    obj = after(FRESH, progress, OUTCOMES["stalled"])
    assert says(obj, "Stalled") == ("True", "InvalidPath")
    assert says(obj, "Ready") == ("False", "InvalidPath")
    assert says(obj, "Reconciling") is None
    assert obj["status"]["observedGeneration"] == 2


@pytest.mark.parametrize("outcome", ["done", "waiting", "failed", "canceled"])
def test_stalled_ends_with_any_new_outcome(outcome):
    stalled = after(FRESH, OUTCOMES["stalled"], generation=1)
    assert says(after(stalled["status"], OUTCOMES[outcome]), "Stalled") is None


def test_waiting_claims_no_progress_that_nobody_made():
    assert says(after(FRESH, OUTCOMES["waiting"]), "Reconciling") is None
    obj = after(FRESH, progress, OUTCOMES["waiting"])
    assert says(obj, "Reconciling") == ("True", "ProgressingWithRetry")


def test_a_canceled_wait_names_who_came():
    obj = after(FRESH, progress, OUTCOMES["canceled"])
    ready = next(each for each in obj["status"]["conditions"] if each["type"] == "Ready")
    assert ready["reason"] == "HealthCheckCanceled"
    assert ready["message"] == "New reconciliation triggered by GitRepository/apps/web"


def test_suspending_a_ready_object_leaves_it_ready_since_when_it_was():
    done = after(FRESH, OUTCOMES["done"], generation=1)
    obj = after(done["status"], OUTCOMES["suspended"], generation=2)
    assert says(obj, "Ready") == ("True", "Succeeded")
    assert obj["status"]["observedGeneration"] == 2
    assert violations(obj) == []
