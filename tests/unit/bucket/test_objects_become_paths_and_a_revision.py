"""Which objects of a bucket count, what their revision is, and where they go in an archive."""

import hashlib

import pytest

from shared.api.meta import Artifact
from shared.lang.digest import Algorithm
from source_controller.bucket.index import Index, Selection, UnusableKey, path_of, paths

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_revision_is_over_lines_in_the_order_of_bytes():
    index = Index({"b": "2", "ä": "4-x", "a/c": "1", "a-": "0", "Z": "3"})
    lines = "Z 3\na- 0\na/c 1\nb 2\nä 4-x\n"
    for algorithm in (Algorithm.SHA256, Algorithm.SHA512):
        digest = index.digest(algorithm)
        assert str(digest) == f"{algorithm}:{hashlib.new(algorithm, lines.encode()).hexdigest()}"


def test_no_objects_have_a_revision_as_well():
    assert Index().digest(Algorithm.SHA256).hex == EMPTY


@pytest.mark.parametrize(
    ("revision", "same"),
    [
        (f"sha256:{EMPTY}", True),
        (f"sha512:{hashlib.sha512().hexdigest()}", True),
        (f"sha256:{'0' * 64}", False),
        ("main@sha1:abc", False),
        ("", False),
    ],
)
def test_the_algorithm_of_an_artifact_decides_how_it_is_compared(revision, same):
    artifact = Artifact(
        path="a",
        url="http://a",
        revision=revision,
        digest=f"sha256:{EMPTY}",
        last_update_time="2026-01-01T00:00:00Z",
    )
    assert Index().is_in(artifact) is same


@pytest.mark.parametrize(
    ("ignore_file", "ignore", "chosen"),
    [
        (None, None, ["a.yaml", "b.jpg", ".git/x", "dir/.sourceignore", "docs/c.md"]),
        (b"*.md\n", None, ["a.yaml", "b.jpg", ".git/x", "dir/.sourceignore"]),
        (b"*.md\n", "!docs/c.md\n/*.jpg", ["a.yaml", ".git/x", "dir/.sourceignore", "docs/c.md"]),
        (b"/*\n!/docs\n", "", ["docs/c.md"]),
        (b"\xff*\n", " \n", ["a.yaml", "b.jpg", ".git/x", "dir/.sourceignore", "docs/c.md"]),
    ],
)
def test_only_patterns_that_somebody_wrote_leave_objects_out(ignore_file, ignore, chosen):
    keys = ["a.yaml", "b.jpg", ".git/x", "dir/", "/", ".sourceignore", "dir/.sourceignore", "docs/c.md"]
    assert list(filter(Selection.of(ignore_file, ignore), keys)) == chosen


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b", "a/b"),
        ("../../etc/x", "etc/x"),
        ("/etc/x", "etc/x"),
        ("a//b/./c", "a/b/c"),
        ("a/../../b", "b"),
        ("..a/b..", "..a/b.."),
        ("a b\n", "a b\n"),
    ],
)
def test_every_path_is_below_the_root(key, path):
    assert path_of(key) == path


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("..", "names no file"),
        ("a/..", "names no file"),
        ("a\0b", "NUL"),
        ("a\\b", "backslash"),
        ("a../b", "'../'"),
        ("a" * 256, "too long"),
        ("a/" * 128 + "b", "too deep"),
    ],
)
def test_a_key_that_nobody_could_unpack_is_named(key, why):
    with pytest.raises(UnusableKey, match=why) as caught:
        path_of(key)
    assert "leave it out by spec.ignore" in str(caught.value)
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "a/b"), ("a/b/c/d", "a/b"), ("a//b", "a/b"), ("x/../a", "a"), ("A.yaml", "a.yaml"), ("a", "A/b")],
)
def test_two_objects_in_each_others_way_are_both_named(one, other):
    for keys in ([one, other], [other, one], ["0", one, "b", other, "zz"]):
        with pytest.raises(UnusableKey) as caught:
            paths(keys)
        assert f"'{one}'" in str(caught.value)
        assert f"'{other}'" in str(caught.value)


def test_many_objects_side_by_side_are_fine():
    keys = [f"d{number % 7}/e/{number}.yaml" for number in range(1000)]
    assert paths(keys) == {key: key for key in keys}
