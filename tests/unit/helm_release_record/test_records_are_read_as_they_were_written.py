"""Any record survives its encoding; what is none is told so."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helm_controller.release.codec import decode, encode, release_of, secret_of
from helm_controller.release.digest import release_digest
from helm_controller.release.model import Hook, HookRun, Info, Release, UnreadableRelease

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBER = st.integers(-(1 << 53), 1 << 53) | st.floats(-(1 << 53), 1 << 53)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
VALUES = st.dictionaries(TEXT, VALUE, max_size=4)
EVENTS = st.lists(st.sampled_from(["pre-install", "post-upgrade", "test"]), max_size=3).map(tuple)
RUN = st.builds(HookRun, TEXT, TEXT, st.sampled_from(["", "Running", "Succeeded", "Failed"]))
WORDS = st.lists(st.sampled_from(["hook-failed", "hook-succeeded"]), max_size=2).map(tuple)
HOOK = st.builds(Hook, TEXT, TEXT, TEXT, TEXT, EVENTS, st.integers(-9, 9), WORDS, WORDS, RUN)
INFO = st.builds(Info, TEXT, TEXT, TEXT, TEXT, TEXT, st.integers(0, 9), TEXT)
METADATA = st.fixed_dictionaries({"metadata": st.dictionaries(TEXT, VALUE, max_size=3)})
RELEASE = st.builds(
    Release,
    TEXT.filter(bool),
    TEXT,
    st.integers(1, 999),
    INFO,
    METADATA,
    VALUES,
    TEXT,
    st.lists(HOOK, max_size=3).map(tuple),
    st.sampled_from(["", "ssa", "csa"]),
)


@given(RELEASE)
def test_a_record_comes_back(release):
    assert decode(encode(release)) == release


@given(RELEASE, st.dictionaries(st.from_regex(r"[a-z]{1,8}x", fullmatch=True), st.just("v"), max_size=2))
def test_a_secret_comes_back_with_the_labels_of_others(release, labels):
    labelled = replace(release, labels=labels)
    assert release_of(secret_of(labelled, "team", NOW, created=True)) == labelled


@given(RELEASE)
def test_digests_do_not_change_on_the_way(release):
    assert release_digest(decode(encode(release))) == release_digest(release)


@given(st.binary(max_size=200))
def test_anything_else_is_no_record(content):
    for data in (content, base64.b64encode(content), base64.b64encode(b"\x1f\x8b\x08" + content)):
        with pytest.raises(UnreadableRelease):
            decode(data)
