"""Which of some tags policies choose."""

import pytest

from image_controllers.reflector.policy import (
    Alphabetical,
    InvalidPolicy,
    NoChoice,
    Numerical,
    Semver,
    TagFilter,
)
from image_controllers.reflector.policy.numbers import number
from image_controllers.reflector.tags import descending


def choose(policy, *tags, pattern="", extract=""):
    return policy.choose(TagFilter(pattern, extract).candidates(descending(tags)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000), (".5", 0.5), ("1.", 1), ("+5", 5), ("-0", 0), ("007", 7), ("1_000", 1000),
        ("0x1p4", 16), ("inf", float("inf")), ("-Infinity", float("-inf")), ("0x10", None), ("0b1", None),
        (" 1", None), ("1,0", None), ("\u0661", None), ("1e999", None), ("NaN", None), ("", None),
        ("1__0", None), ("_1", None), ("1_", None), ("v1", None),
    ],
)  # fmt: skip
def test_numbers_are_those_of_go(text, value):
    assert number(text) == value


def test_numbers():
    assert choose(Numerical(), "1", "10", "9") == "10"
    assert choose(Numerical(descending=True), "1", "10", "9") == "1"
    assert choose(Numerical(), "1", "01", "0.5") == "1"
    with pytest.raises(NoChoice, match="failed to parse invalid numeric value 'x'"):
        choose(Numerical(), "1", "x")
    with pytest.raises(NoChoice, match="version list argument cannot be empty"):
        choose(Numerical(), "1", pattern="x")


def test_letters():
    assert choose(Alphabetical(), "a", "B", "é") == "é"
    assert choose(Alphabetical(descending=True), "a", "B", "é") == "B"
    with pytest.raises(NoChoice, match="cannot be empty"):
        choose(Alphabetical(), "a", pattern="x")


def test_versions():
    assert choose(Semver.of(">=1"), "1.0.0", "2025.02.03", "1.2", "x") == "2025.02.03"
    assert choose(Semver.of("*"), "1.2.3", "v1.2.3", "1.2.3-rc.1") == "v1.2.3"
    assert choose(Semver.of("1.x || >=3.0.0-0"), "1.5.0", "2.0.0", "3.0.0-a") == "3.0.0-a"
    with pytest.raises(NoChoice, match="unable to determine latest version from provided list"):
        choose(Semver.of(">=2"), "1.0.0", "y")
    with pytest.raises(NoChoice, match="version list argument cannot be empty"):
        choose(Semver.of(">=2"), "2.0.0", pattern="x")
    for text in ("", "one", ">="):
        with pytest.raises(InvalidPolicy, match="improper constraint"):
            Semver.of(text)


@pytest.mark.parametrize(
    ("pattern", "extract", "tag", "key"),
    [
        ("", "", "v1", "v1"),
        ("v(?P<n>.*)", "$n", "v1", "1"),
        ("v(?<n>.*)", "${n}0", "v1", "10"),
        ("v(.*)-(.*)", "$2$1", "v1-2", "21"),
        ("v(?P<ts>.*)", "$ts_x", "v1", ""),
        ("v(?P<ts>.*)", "${ts}_x", "v1", "1_x"),
        ("v(x)?(.*)", "[$1][$2][$3]", "v1", "[][1][]"),
        ("v", "$$1 $", "v1", "$1 $"),
        ("1", "", "v1", "v1"),
        ("(?P<ts>v)(?P<01>1)?", "$01 $0 $00 ${01}", "v1", "1 v1  1"),
        ("(v)", "$1 $é ${é} $1é $99999999999999999999", "v1", "v    "),
        ("(v)", "$$é ${ $", "v1", "$é ${ $"),
        ("", "x$0$1", "v1", "x"),
    ],
)
def test_what_is_compared(pattern, extract, tag, key):
    assert list(TagFilter(pattern, extract).candidates([tag])) == [(key, tag)]


def test_of_equal_keys_the_smallest_tag_counts():
    candidates = TagFilter("^(a|b)-(?P<n>.*)$", "$n").candidates(descending(["a-1", "b-1", "c-1"]))
    assert list(candidates) == [("1", "a-1")]


@pytest.mark.parametrize("pattern", ["(", "v(?!x)", r"(a)\1", "a{1001}", r"\Z", "(?P<é>a)", "(?P<a-b>a)"])
def test_patterns_are_those_of_re2(pattern):
    with pytest.raises(InvalidPolicy, match="invalid regular expression pattern"):
        TagFilter(pattern)
