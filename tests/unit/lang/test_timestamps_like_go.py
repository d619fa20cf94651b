"""Times are written as Go writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.lang.timestamp import format_timestamp


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 0, 30, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T22:30:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_in_utc_with_whole_seconds_and_four_digits_of_a_year(moment, text):
    assert format_timestamp(moment) == text
