"""Ignore rules follow the sources' own dialect; the table was recorded from the peer's library."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang import json
from shared.lang.globs import ALWAYS_IGNORED, IGNORED_BY_DEFAULT, IgnoreRules, SegmentPattern

TABLE = json.loads((Path(__file__).parents[2] / "data" / "lang" / "ignore.json").read_bytes())


def test_recorded_patterns():
    for case in TABLE:
        rules = IgnoreRules.from_text("\n".join(case["patterns"]))
        assert rules.ignores(case["path"], case["is_dir"]) is case["ignored"], case


@pytest.mark.parametrize(
    ("rules", "path", "ignored"),
    [
        ("foo", "a/foo/b", True),
        ("/*", "a/b/c", True),
        ("/*\n!/deploy", "deploy/app.yaml", False),
        ("/*\n!/a/b", "a/b/c", False),
        ("/*\n!/a/b", "a/c", True),
        ("# foo", "# foo", False),
        ("#foo\nbar\r\n", "bar", True),
        ("foo\\ ", "foo ", True),
        ("foo  ", "foo", True),
        ("build/", "build", False),
        ("build/", "build/x", True),
        ("[!a]", "b", False),
        ("[^a]", "b", True),
        ("FOO", "foo", False),
        ("[a", "[a", False),
        ("x" * 70_000 + "\nfoo", "foo", False),
    ],
)
def test_rules(rules, path, ignored):
    assert IgnoreRules.from_text(rules).ignores(path) is ignored


def test_rules_of_a_directory_stay_in_it_and_later_ones_win():
    rules = IgnoreRules.from_text("*.txt") + IgnoreRules.from_text("!keep.txt\n/top", domain=("a", "b"))
    assert rules.ignores("keep.txt")
    assert rules.ignores("a/keep.txt")
    assert not rules.ignores("a/b/keep.txt")
    assert not rules.ignores("a/b/c/keep.txt")
    assert rules.ignores("a/b/top")
    assert not rules.ignores("top")


@pytest.mark.parametrize(
    "path",
    [".git/config", "a/.gitignore", "x/logo.png", "a.tar.gz", ".github/w.yaml", "a/.sops.yaml", ".flux.yaml"],
)
def test_the_built_in_rules(path):
    assert (IgnoreRules.from_text(ALWAYS_IGNORED) + IgnoreRules.from_text(IGNORED_BY_DEFAULT)).ignores(path)


def test_no_rules_ignore_nothing():
    assert not IgnoreRules.from_text("# only\n\n   \n")
    assert not IgnoreRules().ignores("a")


@given(st.text(alphabet="ab*?[]^-!/\\ #\n"), st.text(alphabet="ab/ ", min_size=1), st.booleans())
def test_any_text_makes_rules(text, path, is_dir):
    assert IgnoreRules.from_text(text).ignores(path, is_dir) in {True, False}


@given(st.text(alphabet="ab*?[]^-\\"), st.text(alphabet="abc"))
def test_the_shortest_prefix_is_not_longer_than_the_longest(pattern, text):
    glob = SegmentPattern(pattern)
    short, long = glob.prefix(text, longest=False), glob.prefix(text, longest=True)
    assert 0 <= short <= long <= len(text)
    for length in {short, long} - {0}:
        assert glob.matcher().fullmatch(text[:length])
    assert (long == len(text)) or not text or not glob.matcher().fullmatch(text)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "!"]),
            st.sampled_from(["a", "*.x", "a/b", "/a", "**/b", "b/**", "[ab]", "?", "a*", "/a/*.x"]),
            st.sampled_from(["", "/"]),
            st.sampled_from([(), ("a",), ("a", "b")]),
        ),
        max_size=6,
    ),
    st.lists(st.sampled_from(["a", "b", "c", "a.x", "b.x"]), min_size=1, max_size=4),
    st.booleans(),
)
def test_the_last_rule_that_matches_decides(lines, path, is_dir):
    rules = IgnoreRules()
    for negation, pattern, slash, domain in lines:
        rules += IgnoreRules.from_text(negation + pattern + slash, domain)
    matching = [rule for rule in rules.rules if rule.matches(path, is_dir=is_dir)]
    assert rules.ignores("/".join(path), is_dir) is (bool(matching) and not matching[-1].includes)
