"""What `Retry-After` says, in numbers and in dates."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from shared.http import asked_to_wait


def answer(status, told=None):
    return SimpleNamespace(status=status, headers={} if told is None else {"Retry-After": told})


@pytest.mark.parametrize(
    ("status", "told", "seconds"),
    [
        (429, "7", 7),
        (503, "120", 120),
        (429, "0", 1),
        (429, "99999", 3600),
        (429, "Thu, 01 Jan 1970 00:00:00 GMT", 1),
        (429, None, None),
        (429, "soon", None),
        (429, "-5", None),
        (429, "9" * 30, None),
        (500, "7", None),
        (200, "7", None),
    ],
)
def test_waits_are_between_a_second_and_an_hour(status, told, seconds):
    wait = asked_to_wait(answer(status, told))
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


def test_a_date_is_so_far_away():
    told = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    wait = asked_to_wait(answer(429, told))
    assert timedelta(minutes=9, seconds=50) < wait <= timedelta(minutes=10)
