"""Variables are expanded like Flux does; the table was recorded from its library."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang import json
from shared.lang.envsubst import SubstitutionError, expand

TABLE = json.loads((Path(__file__).parents[2] / "data" / "lang" / "envsubst.json").read_bytes())


@pytest.mark.parametrize("strict", [True, False])
def test_recorded_expressions(strict):
    for case in TABLE["cases"]:
        if case["strict"] is not strict:
            continue
        if "error" in case:
            with pytest.raises(SubstitutionError) as caught:
                expand(case["text"], TABLE["variables"], strict=strict)
            assert str(caught.value) == case["error"], case
        else:
            assert expand(case["text"], TABLE["variables"], strict=strict) == case["out"], case


@pytest.mark.parametrize("text", ["${x}", "${#x}", "${x:1}", "${x^^}", "${x#a}", "${x/a/b}"])
def test_an_unset_variable_is_an_error_in_strict_mode(text):
    with pytest.raises(SubstitutionError, match=r'^variable not set \(strict mode\): "x"$'):
        expand(text, {}, strict=True)
    expand(text, {"x": ""}, strict=True)
    expand(text, {}, strict=False)


def test_a_negative_length_is_an_error():
    with pytest.raises(SubstitutionError, match="length of a substring is negative"):
        expand("${a:1:${n}}", {"a": "secret", "n": "-1"}, strict=True)


def test_nesting_is_limited():
    with pytest.raises(SubstitutionError, match="nested deeper than 50"):
        expand("${a:=" * 10_000, {}, strict=False)


@given(st.text().filter(lambda text: "$" not in text))
def test_text_without_a_dollar_is_unchanged(text):
    assert expand(text, {"a": "b"}, strict=True) == text


@given(st.text(alphabet="${}ab:=-+?#%/^,*[]\\ 1\u00e9"), st.booleans())
def test_any_text_expands_or_fails_cleanly(text, strict):
    try:
        expand(text, {"a": "a/b.a", "b": ""}, strict=strict)
    except SubstitutionError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_hostile_patterns_stay_fast():
    value = "a" * 5_000
    assert expand("${v##" + "*a" * 50 + "b}", {"v": value}, strict=True) == value
    assert expand("${v%%b" + "a*" * 50 + "}", {"v": value}, strict=True) == value
