import pytest

from shared.events import Severity
from shared.events.correlate import Correlator


@pytest.fixture
def correlator(clock):
    return Correlator(clock)


def test_equal_events_are_one_with_a_count(correlator, event, clock):
    first = correlator.correlate(event())
    clock.seconds += 60
    second = correlator.correlate(event())
    assert (first.count, second.count) == (1, 2)
    assert second.name == first.name
    assert second.first == first.first
    assert second.event.at > first.event.at


def test_another_message_reason_or_severity_is_another_event(correlator, event):
    events = [event(), event("other"), event(reason="Other"), event(severity=Severity.ERROR)]
    written = [correlator.correlate(each) for each in events]
    assert [each.count for each in written] == [1] * 4
    assert len({each.name for each in written}) == 4


def test_the_eleventh_message_within_ten_minutes_is_combined(correlator, event, clock):
    single = [correlator.correlate(event(f"message {number}")) for number in range(10)]
    assert [each.event.message for each in single] == [f"message {number}" for number in range(10)]
    combined = [correlator.correlate(event(f"message {number}")) for number in range(10, 13)]
    assert [each.event.message for each in combined] == [
        f"(combined from similar events): message {number}" for number in range(10, 13)
    ]
    assert [each.count for each in combined] == [1, 2, 3]
    clock.seconds += 601
    assert correlator.correlate(event("message 99")).event.message == "message 99"


def test_an_object_has_a_burst_of_25_and_then_one_in_five_minutes(correlator, event, clock):
    def written(name):
        return correlator.correlate(event(name=name)) is not None

    assert [written("web") for _ in range(27)] == [True] * 25 + [False] * 2
    assert written("other")
    clock.seconds += 300
    assert [written("web") for _ in range(2)] == [True, False]


def test_a_forgotten_event_begins_anew(correlator, event):
    first = correlator.correlate(event())
    correlator.forget(event())
    again = correlator.correlate(event())
    assert again.count == 1
    assert again.name != first.name


@pytest.mark.parametrize("name", ["web", "x" * 253, "y" * 235 + "." + "z" * 17, "y" * 235 + "-" + "z" * 17])
def test_names_are_valid_however_long_the_object_s_is(correlator, event, name):
    written = correlator.correlate(event(name=name))
    assert len(written.name) <= 253
    assert all(label.strip("-") == label != "" for label in written.name.split("."))
    assert written.name.startswith(name[:200])
