"""Regular expressions are those of Go: what it does not take, or takes for something else, is refused."""

import pytest

from shared.lang.patterns import Pattern, PatternError


@pytest.mark.parametrize("text", [r"\C", r"a\Cb", r"\\\C", r"\Q\E\C", r"(?s)\C*"])
def test_a_single_byte_is_nothing_that_can_be_asked_for(text):
    with pytest.raises(PatternError, match=r"invalid escape sequence: \\C"):
        Pattern(text)


@pytest.mark.parametrize(
    ("text", "found"), [(r"\\C", r"\C"), (r"\Q\C\E", r"\C"), (r"\Qa\C", r"a\C"), (r"C", "C"), (r"\x43", "C")]
)
def test_what_looks_like_it_may_be_something_else(text, found):
    assert Pattern(text).matches(found)


@pytest.mark.parametrize("text", ["(", "a(?=b)", r"\1", r"\Z", "a{1001}"])
def test_what_is_no_expression_says_why(text):
    with pytest.raises(PatternError, match=r"\w"):
        Pattern(text)


def test_an_expression_may_be_given_little_memory():
    assert Pattern(r"\pL{100}").matches("é" * 100)
    with pytest.raises(PatternError, match="too large"):
        Pattern(r"\pL{100}", memory=64 * 1024)
