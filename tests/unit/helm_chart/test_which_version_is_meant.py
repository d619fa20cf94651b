"""Names, ranges and exact versions of charts."""

import pytest

from source_controller.helm_chart.versions import NoSuchChart, check_name, choose, choose_tag
from source_controller.helm_repository.index import ChartEntry


def entries(*versions):
    return [
        ChartEntry("app", version, (), f"2026-01-{day:02}", "", {}) for day, version in enumerate(versions, 1)
    ]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("", "7.0.0"),
        ("*", "7.0.0"),
        ("6.x", "6.1.0"),
        ("^6", "6.1.0"),
        (">=6.2.0-0 <7", "6.2.0-rc1"),
        ("v6.0.1", "v6.0.1"),
        ("6.0.0", "6.0.0"),
        ("6.0.1", "v6.0.1"),
    ],
)
def test_the_highest_in_the_range_or_the_exact_text(wanted, chosen):
    known = entries("6.0.0", "6.1.0", "7.0.0", "6.2.0-rc1", "v6.0.1", "6", "latest")
    assert choose(known, "app", wanted).version == chosen


def test_of_equal_versions_the_one_created_last():
    assert choose(entries("1.0.0+1", "1.0.0+2"), "app", "").version == "1.0.0+2"
    assert choose(entries("1.0.0+2", "1.0.0+1"), "app", "").version == "1.0.0+1"


@pytest.mark.parametrize("wanted", ["8.x", "not a range", ">", "1.0.0 - "])
def test_what_cannot_be_found_says_so(wanted):
    with pytest.raises(NoSuchChart):
        choose(entries("1.0.0"), "app", wanted)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("1.x", "1.4.0+b.1"),
        ("", "1.4.0+b.1"),
        ("1.4.0", "1.4.0"),
        ("1.4.0+b.1", "1.4.0+b.1"),
        ("v1.5.0", None),
        ("1.5.x", None),
        (">=1.0.0-0", "1.4.1-rc.1"),
        ("01.6.0", None),
    ],
)
def test_tags_have_to_be_strict_versions(wanted, chosen):
    tags = ["v1.5.0", "1.3.0", "1.4.0", "1.4.0_b.1", "1.4", "latest", "1.4.1-rc.1", "01.6.0"]
    assert choose_tag(tags, wanted) == chosen


@pytest.mark.parametrize("name", ["app", "a-b", "org/app", "a.b", "a/.b", "a/", "a.", "7"])
def test_names_that_charts_may_have(name):
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", "App", "a_b", "/a", ".a", "a//b", "a..b", "a./b", "a b", "a\n", "a" * 10_000 + "_"]
)
def test_names_that_charts_cant_have(name):
    with pytest.raises(NoSuchChart, match="invalid chart name"):
        check_name(name)
