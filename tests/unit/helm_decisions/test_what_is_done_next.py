"""The next action on a release, where one by force was asked for."""

from types import SimpleNamespace

import pytest

from helm_controller.helm_release.attempt import Attempt
from helm_controller.helm_release.decisions import Action, Exhausted, next_action
from helm_controller.helm_release.record import Record
from helm_controller.helm_release.state import Found, State
from shared.api.helm_v2 import HelmRelease
from shared.status.draft import StatusDraft
from shared.testing.helm_objects import helm_release

RETRY = {"strategy": {"name": "RetryOnFailure"}}
REMEDIATE = {"remediation": {"retries": 3}}
SPENT = {"lastAttemptedReleaseAction": "upgrade", "installFailures": 1, "upgradeFailures": 1}


def attempted(way, status, *, forced=True):
    raw = helm_release(status=status, install=way, upgrade=way, driftDetection={"mode": "warn"})
    obj = HelmRelease.model_validate(raw)
    turn = SimpleNamespace(event=lambda *_: None)
    record = Record(obj, StatusDraft(raw), retry_by_default=False)
    attempt = Attempt(obj, turn, record, None, "apps", "app", None, "sha256", None)
    attempt.forced = forced
    return attempt


@pytest.mark.parametrize("way", [RETRY, REMEDIATE], ids=["retry", "remediate"])
@pytest.mark.parametrize(
    ("found", "action"),
    [
        (State.ABSENT, Action.INSTALL),
        (State.OUT_OF_SYNC, Action.UPGRADE),
        (State.FAILED, Action.UPGRADE),
        (State.IN_SYNC, Action.UPGRADE),
        (State.DRIFTED, Action.UPGRADE),
        (State.UNTESTED, Action.UPGRADE),
    ],
)
async def test_one_release_answers_a_request_by_force(way, found, action):
    attempt = attempted(way, {"lastAttemptedReleaseAction": "upgrade"})
    assert await next_action(attempt, Found(found)) is action
    assert await next_action(attempt, Found(State.IN_SYNC)) is None


async def test_a_request_by_force_outlasts_the_unlocking_of_a_release():
    attempt = attempted({}, SPENT)
    assert await next_action(attempt, Found(State.LOCKED)) is Action.UNLOCK
    assert await next_action(attempt, Found(State.FAILED)) is Action.UPGRADE


@pytest.mark.parametrize("found", [State.ABSENT, State.OUT_OF_SYNC, State.FAILED])
async def test_a_request_by_force_needs_no_attempt_that_is_left(found):
    assert (await next_action(attempted({}, SPENT), Found(found))).releases
    with pytest.raises(Exhausted):
        await next_action(attempted({}, SPENT, forced=False), Found(found))
