"""Versions and constraints mean what Go's Masterminds library says; the table was recorded from it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang import json
from shared.lang.semver import Constraint, SemverError, Version

TABLE = json.loads((Path(__file__).parents[2] / "data" / "lang" / "semver.json").read_bytes())


def test_recorded_constraints():
    versions = [Version.parse(text) for text in TABLE["versions"]]
    for case in TABLE["constraints"]:
        if case.get("error"):
            with pytest.raises(SemverError):
                Constraint.parse(case["constraint"])
        else:
            constraint = Constraint.parse(case["constraint"])
            assert [v.text for v in versions if constraint.check(v)] == case["matches"], case


def test_parts_have_64_bits():
    largest = 2**64 - 1
    assert Version.parse(f"1.{largest}.0").minor == largest
    assert Version.parse("0" * 30 + "1.0.0").major == 1
    for text in (f"{largest + 1}.0.0", f"1.{largest + 1}.0", f"1.0.{largest + 1}"):
        with pytest.raises(SemverError):
            Version.parse(text)


def test_precedence():
    ascending = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11"
    ascending += " 1.0.0-rc.1 1.0.0 1.0.1 1.2.0 2.0.0"
    versions = [Version.parse(text) for text in ascending.split()]
    descending = list(reversed(versions))
    assert sorted(descending) == versions
    assert len(set(versions)) == len(versions)


def test_build_metadata_has_no_rank_but_is_kept():
    one, two = Version.parse("v1.2.3+a"), Version.parse("1.2.3+b")
    assert one == two
    assert hash(one) == hash(two)
    assert (str(one), one.metadata) == ("v1.2.3+a", "a")


@pytest.mark.parametrize(
    "text",
    ["v1.2.3", "1.2.3", "v2025.02.03", "1.2.3-rc.1+b.2", "7.2-alpine3.19", "1.2-rc.1", "1-a.b.c", "1+a.b.c"],
)
def test_tags_with_two_dots_are_versions(text):
    assert str(Version.parse_tag(text)) == text


def test_what_a_tag_leaves_out_is_zero():
    assert Version.parse_tag("7.2-alpine3.19") == Version.parse("7.2.0-alpine3.19")


@pytest.mark.parametrize(
    "text", ["", "v1.2", "1", "1.2-rc", "release-1.2.3", "1.2.3.4", "1.2.3-", "1.2.3-a..b", "V1.2.3", "1.2.x"]
)
def test_other_tags_are_not(text):
    with pytest.raises(SemverError, match="is not a"):
        Version.parse_tag(text)


def test_a_prerelease_needs_a_constraint_that_names_one():
    version = Version.parse("1.1.0-rc.1")
    assert not Constraint.parse(">=1.0.0").check(version)
    assert Constraint.parse(">=1.0.0-0").check(version)


numbers = st.integers(0, 5)
versions = st.builds(
    lambda a, b, c, pre: Version.parse(f"{a}.{b}.{c}{pre}"),
    numbers,
    numbers,
    numbers,
    st.sampled_from(["", "-a", "-1", "-a.1"]),
)


@given(versions, versions, versions)
def test_the_order_is_total(a, b, c):
    assert (a < b) + (a == b) + (a > b) == 1
    assert not (a <= b <= c) or a <= c


@given(st.text(alphabet="0123.xX*^~<>=!|, v-+a") | st.text())
def test_any_text_is_a_constraint_or_an_error(text):
    try:
        Constraint.parse(text).check(Version.parse("1.2.3"))
    except SemverError as error:
        assert str(error)  # noqa: PT017
