"""Durations read and written like Go does; the tables hold facts about Go's time package."""

import contextlib
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang.duration import CRD_PATTERN, CRD_TIMEOUT_PATTERN, format_duration, parse_duration

US = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("0", timedelta()),
        ("-0", timedelta()),
        ("+0", timedelta()),
        ("0s", timedelta()),
        ("5s", timedelta(seconds=5)),
        ("+5s", timedelta(seconds=5)),
        ("-5s", timedelta(seconds=-5)),
        ("1478s", timedelta(seconds=1478)),
        ("5.0s", timedelta(seconds=5)),
        ("5.s", timedelta(seconds=5)),
        (".5s", timedelta(milliseconds=500)),
        ("1.004s", timedelta(milliseconds=1004)),
        ("100.00100s", timedelta(seconds=100, milliseconds=1)),
        ("1600ns", timedelta(microseconds=2)),
        ("11us", timedelta(microseconds=11)),
        ("12\u00b5s", timedelta(microseconds=12)),
        ("12\u03bcs", timedelta(microseconds=12)),
        ("13ms", timedelta(milliseconds=13)),
        ("176.163666ms", timedelta(microseconds=176164)),
        ("3h30m", timedelta(hours=3, minutes=30)),
        ("10.5s4m", timedelta(minutes=4, seconds=10, milliseconds=500)),
        ("-2m3.4s", timedelta(minutes=-2, seconds=-3, milliseconds=-400)),
        ("1h2m3s4ms5us", timedelta(hours=1, minutes=2, seconds=3, milliseconds=4, microseconds=5)),
        ("0.3333333333333333333h", timedelta(minutes=20)),
        ("000000000000000000000000000001s", timedelta(seconds=1)),
        ("2562047h47m16s", timedelta(hours=2562047, minutes=47, seconds=16)),
    ],
)
def test_reads(text, want):
    assert parse_duration(text) == want


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "number with a unit"),
        ("-", "number with a unit"),
        ("3", "unit is missing"),
        ("1h3", "unit is missing"),
        ("s", "number is missing"),
        (".", "number is missing"),
        (".s", "number is missing"),
        ("+.s", "number is missing"),
        ("1d", "'d' is not a unit"),
        ("1 h", "' h' is not a unit"),
        ("1h ", "'h ' is not a unit"),
        ("--1s", "number is missing"),
        ("1e3s", "'e' is not a unit"),
        ("\u0661s", "number is missing"),
        ("3000000h", "292 years"),
        ("9" * 5000 + "s", "292 years"),
        ("9223372036854775808ns", "292 years"),
    ],
)
def test_refuses(text, problem):
    with pytest.raises(ValueError, match="invalid duration") as caught:
        parse_duration(text)
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize(
    ("duration", "want"),
    [
        (timedelta(), "0s"),
        (US, "1\u00b5s"),
        (1100 * US, "1.1ms"),
        (176164 * US, "176.164ms"),
        (timedelta(milliseconds=2200), "2.2s"),
        (timedelta(minutes=3, seconds=5), "3m5s"),
        (timedelta(minutes=9, seconds=30), "9m30s"),
        (timedelta(minutes=3, seconds=5, microseconds=1), "3m5.000001s"),
        (timedelta(minutes=10), "10m0s"),
        (timedelta(hours=1), "1h0m0s"),
        (timedelta(days=2, milliseconds=500), "48h0m0.5s"),
        (timedelta(seconds=-90), "-1m30s"),
        (-US, "-1\u00b5s"),
    ],
)
def test_writes_the_canonical_form(duration, want):
    assert format_duration(duration) == want


@given(st.timedeltas(min_value=timedelta(days=-100_000), max_value=timedelta(days=100_000)))
def test_what_is_written_reads_back(duration):
    assert parse_duration(format_duration(duration)) == duration


@given(st.text() | st.text(alphabet="0123456789.hmsnu-+"))
def test_any_text_is_a_duration_or_a_value_error(text):
    with contextlib.suppress(ValueError):
        duration = parse_duration(text)
        assert parse_duration(format_duration(duration)) == duration


@given(
    st.lists(
        st.tuples(st.decimals(0, 10_000, places=3).map(str), st.sampled_from(["ms", "s", "m", "h"])),
        min_size=1,
        max_size=8,
    )
)
def test_everything_the_crd_admits_is_readable(terms):
    text = "".join(number + unit for number, unit in terms)
    assert re.match(CRD_PATTERN, text)
    assert parse_duration(text) >= timedelta()


def test_a_source_timeout_has_no_hours():
    assert re.match(CRD_PATTERN, "1h")
    assert not re.match(CRD_TIMEOUT_PATTERN, "1h")
    assert re.match(CRD_TIMEOUT_PATTERN, "60s")
