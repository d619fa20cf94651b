"""Equal events pass once in each window, and what makes them equal."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_controller.events.duplicates import Duplicates, key_of

WINDOW = timedelta(minutes=5)


class Clock:
    seconds = 0.0

    def monotonic(self):
        return self.seconds

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def duplicates(clock):
    return Duplicates(WINDOW, clock)


@pytest.mark.parametrize(
    "change",
    [
        {"message": "other"},
        {"name": "api"},
        {"namespace": "tenants"},
        {"kind": "HelmRelease"},
        {"metadata": {"revision": "2"}},
        {"metadata": {"originRevision": "2"}},
        {"metadata": {"token": "2"}},
        {"metadata": {"revision": ""}},
    ],
    ids=str,
)
def test_such_events_differ(event, change):
    assert key_of(event(**change)) != key_of(event())


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "error"},
        {"reason": "Other"},
        {"controller": "other"},
        {"metadata": {"commit_status": "update"}},
        {"metadata": {"event.toolkit.fluxcd.io/revision": "2"}},
        {"group": "helm.toolkit.fluxcd.io"},
    ],
    ids=str,
)
def test_such_events_are_equal(event, change):
    assert key_of(event(**change)) == key_of(event())


def test_the_key_is_a_digest_of_named_parts(event):
    text = (
        b"event/name=web/namespace=apps/kind=Kustomization/message=said/originRevision=o/revision=r/token=t"
    )
    metadata = {"token": "t", "revision": "r", "originRevision": "o"}
    assert key_of(event(metadata=metadata)) == hashlib.sha256(text).hexdigest()


def test_windows_begin_with_the_first_event_and_follow_one_another(clock, duplicates):
    def passes(at):
        clock.seconds = 100 + at
        return duplicates.judge("a").passes

    assert [passes(at) for at in (0, 1, 299)] == [True, False, False]
    # Late in the second window, and again at once as the third one begins.
    assert [passes(at) for at in (599, 599.5, 600, 601)] == [True, False, True, False]


def test_it_says_when_an_equal_event_can_pass(clock, duplicates):
    first = clock.now()
    assert duplicates.judge("a").again_at == first + WINDOW
    clock.seconds += 10
    assert duplicates.judge("a").again_at == first + WINDOW
    assert duplicates.judge("b").again_at == clock.now() + WINDOW


def test_what_was_given_back_was_never_seen(duplicates):
    assert duplicates.judge("a").passes
    duplicates.give_back("a")
    assert duplicates.judge("a").passes
    assert not duplicates.judge("a").passes


def test_what_was_not_seen_for_two_intervals_is_forgotten(clock, duplicates):
    duplicates.judge("a")
    clock.seconds += 300
    duplicates.judge("b")
    clock.seconds += 301
    duplicates.judge("c")
    assert len(duplicates) == 2


def test_no_more_than_so_many_are_remembered_those_seen_last(clock):
    duplicates = Duplicates(WINDOW, clock, most=2)
    assert [duplicates.judge(key).passes for key in "abab"] == [True, True, False, False]
    assert duplicates.judge("c").passes
    assert len(duplicates) == 2
    assert not duplicates.judge("b").passes
    assert duplicates.judge("a").passes


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=60))
def test_never_two_in_one_window(moments):
    clock = Clock()
    duplicates = Duplicates(WINDOW, clock)
    start, last, windows = None, 0.0, []
    for moment in sorted(moments):
        clock.seconds = moment
        if duplicates.judge("a").passes:
            if start is None or moment - last > 600:
                start, windows = moment, []
            windows.append(int((moment - start) // 300))
        last = moment
        assert len(windows) == len(set(windows))
