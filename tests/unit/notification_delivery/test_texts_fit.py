"""Texts are as long as a service allows, and cut where a person would cut them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_controller.delivery.text import (
    TRUNCATED,
    cut,
    escaped,
    facts,
    in_bytes,
    literal,
    title,
    without_tags,
)
from notification_controller.event import Event, Involved


@given(st.text(max_size=200), st.integers(min_value=len(TRUNCATED), max_value=120))
def test_no_text_is_longer_than_allowed(text, most):
    for size in (len, in_bytes, lambda each: 2 * len(each)):
        limit = size(TRUNCATED) + most
        short = cut(text, limit, size)
        assert size(short) <= limit
        assert short == text or (short.endswith(TRUNCATED) and text.startswith(short[: -len(TRUNCATED)]))


@pytest.mark.parametrize(
    ("text", "most", "want"),
    [
        ("abcdef" * 10, 20, "abcde" + TRUNCATED),
        ("äöü" * 20, 20, "äöüäö" + TRUNCATED),
        ("abcde\u0301" + "f" * 30, 20, "abcd" + TRUNCATED),
        ("ab" + "👩\u200d🚀" * 30, 20, "ab👩\u200d🚀" + TRUNCATED),
        ("ab" + "👩\u200d🚀" * 30, 19, "ab" + TRUNCATED),
    ],
)
def test_a_cut_keeps_together_what_is_one_sign(text, most, want):
    assert cut(text, most) == want


def test_bytes_are_counted_where_the_service_counts_them():
    assert cut("ä" * 40, 25, in_bytes) == "äääää" + TRUNCATED


def test_metadata_begins_with_the_summary_and_the_revision():
    found = facts({"zone": "z", "revision": "r", "app": "a", "summary": "s"})
    assert found == [("summary", "s"), ("revision", "r"), ("app", "a"), ("zone", "z")]
    assert facts({}) == []


@pytest.mark.parametrize(
    ("text", "want"),
    [("HealthCheckFailed", "Healthcheckfailed"), ("", ""), ("a-b", "A-B"), ("v2beta", "V2beta")],
)
def test_words_begin_with_an_upper_case_letter_and_have_no_other(text, want):
    assert title(text) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("*loud* and _soft_", r"\*loud\* and \_soft\_"),
        ("a snake_case name", "a snake_case name"),
        ("[a](b)", r"\[a](b)"),
        ("[a [b] c](d)", r"\[a \[b] c](d)"),
        ("[1] of [2](x) and [3]", r"\[1] of \[2](x) and [3]"),
        (r"\[a](b) \d", r"\\\[a](b) \d"),
        (r"x\](y)", r"x\\](y)"),
        (r"see [x\](y) z](w)", r"see \[x\\](y) z](w)"),
        ("one line\\\nand the next", "one line\\\\\nand the next"),
        ("variable __CLUSTER__ is not set", r"variable \_\_CLUSTER\_\_ is not set"),
        ("a__b", r"a\_\_b"),
        ("_Ä_ä", r"\_Ä_ä"),
        ("- a\n  + b\n* c\n-d", "\\- a\n  \\+ b\n\\* c\n-d"),
        ("1. a\n 23) b\n4.5", "1\\. a\n 23\\) b\n4.5"),
        ("# a\n#1 b\n---\nc\n==", "\\# a\n#1 b\n\\---\nc\n\\=="),
        ("items[0]", "items[0]"),
    ],
)
def test_markdown_shows_the_text_as_it_is(text, want):
    assert literal(text) == want


def test_metadata_is_escaped_unless_the_author_of_the_alert_wrote_it():
    metadata = {"revision": "<!channel>@sha1:abc", "link": "<https://g.example.com|runbook>"}
    event = Event(Involved(), "info", "", "", "", metadata=metadata, authored=frozenset({"link"}))
    assert escaped(event, without_tags, 1000) == [
        ("revision", "&lt;!channel&gt;@sha1:abc"),
        ("link", "<https://g.example.com|runbook>"),
    ]


def test_metadata_is_cut_between_signs_that_were_escaped():
    event = Event(Involved(), "info", "", "", "", metadata={"a": "<" * 100, "b": "x" * 100, "c": "y" * 100})
    assert escaped(event, without_tags, 50, value=24) == [
        ("a", "&lt;&lt;" + TRUNCATED),
        ("b", "x" * 9 + TRUNCATED),
    ]


def test_what_is_far_too_long_is_not_measured_as_a_whole():
    measured = []

    def size(text):
        measured.append(len(text))
        return 3 * len(text)

    assert cut("x" * 1_000_000, 300, size).endswith(TRUNCATED)
    assert max(measured) <= 300 + len(TRUNCATED)
