"""One state of a source has one spelling, and old spellings are converted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang.revision import Revision, branch_or_tag

C = "4a1a9c9b0e2b4f1d9e0c8f6a7b5d4c3e2f1a0b9c"
C256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("name", "commit", "want"),
    [
        ("main", C, f"main@sha1:{C}"),
        ("feature/x", C, f"feature/x@sha1:{C}"),
        ("v1.0.0", C, f"v1.0.0@sha1:{C}"),
        ("", C, f"sha1:{C}"),
        ("refs/heads/main", C, f"refs/heads/main@sha1:{C}"),
        ("refs/tags/v1^{}", C, f"refs/tags/v1^{{}}@sha1:{C}"),
        ("main", C256, f"main@sha256:{C256}"),
        ("main", "abc", "main@<unknown>:abc"),
    ],
)
def test_commits_are_written(name, commit, want):
    revision = Revision.of_commit(commit, name)
    assert str(revision) == want
    assert Revision.parse(want) == revision


@pytest.mark.parametrize(
    ("legacy", "want"),
    [
        (f"main/{C}", f"main@sha1:{C}"),
        (f"feature/x/{C}", f"feature/x@sha1:{C}"),
        (f"HEAD/{C}", f"sha1:{C}"),
        (C, f"sha1:{C}"),
        (C256, f"sha256:{C256}"),
        (f"main/{C256}", f"main@sha256:{C256}"),
    ],
)
def test_legacy_forms_are_converted(legacy, want):
    assert str(Revision.parse(legacy)) == want


@pytest.mark.parametrize(
    "text", ["", "6.5.4", "6.5.4+build", "main", f"main/{C[:-1]}", f"main/{C.upper()}", "a/b", "a:b:c"]
)
def test_other_texts_are_plain_names(text):
    assert Revision.parse(text) == Revision(text, "", "")
    assert Revision.parse(text).digest == ""


def test_parts_are_at_hand():
    revision = Revision.parse(f"user@host/x@sha1:{C}")
    assert (revision.name, revision.digest, revision.hash) == ("user@host/x", f"sha1:{C}", C)


@given(st.text())
def test_parsing_is_stable(text):
    once = str(Revision.parse(text))
    assert str(Revision.parse(once)) == once


@pytest.mark.parametrize(
    ("reference", "want"),
    [
        ("refs/heads/main", "main"),
        ("refs/heads/feature/x", "feature/x"),
        ("refs/tags/v1", "v1"),
        ("main", "main"),
        ("feature/a/b", "feature/a/b"),
    ],
)
def test_short_names(reference, want):
    assert branch_or_tag(reference) == want
