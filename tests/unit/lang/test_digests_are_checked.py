"""Digests are well-formed by construction, and contents are checked against them."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang.digest import PATTERN, Algorithm, Digest, DigestError, hasher

EMPTY = {
    Algorithm.SHA1: "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    Algorithm.SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    Algorithm.SHA384: "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
    "274edebfe76f65fbd51ad2f14898b95b",
    Algorithm.SHA512: "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    Algorithm.BLAKE3: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_algorithm_hashes_and_reads_back(algorithm):
    digest = Digest.of(b"", algorithm)
    assert str(digest) == f"{algorithm}:{EMPTY[algorithm]}"
    assert Digest.parse(str(digest)) == digest
    assert re.match(PATTERN, str(digest))
    assert digest.verify(b"")
    assert not digest.verify(b"x")


@given(st.lists(st.binary()), st.sampled_from(list(Algorithm)))
def test_pieces_hash_like_the_whole(pieces, algorithm):
    digest = Digest.of(b"".join(pieces), algorithm)
    running = digest.hasher()
    for piece in pieces:
        running.update(piece)
    assert digest.matches(running)


def test_sha256_is_the_default():
    assert hasher().hexdigest() == hashlib.sha256().hexdigest()


def test_a_bare_hash_is_accepted_where_the_caller_says_so():
    text = EMPTY[Algorithm.SHA256]
    assert Digest.parse(text, bare=Algorithm.SHA256) == Digest(Algorithm.SHA256, text)
    with pytest.raises(DigestError, match="<algorithm>:<hex>"):
        Digest.parse(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        (":", "unknown digest algorithm ''"),
        ("md5:d41d8cd98f00b204e9800998ecf8427e", "unknown digest algorithm 'md5', known are sha256"),
        ("SHA256:" + EMPTY[Algorithm.SHA256], "unknown digest algorithm"),
        ("sha256:", "64 lower-case hex digits"),
        ("sha256:abc", "64 lower-case hex digits"),
        ("sha256:" + EMPTY[Algorithm.SHA256].upper(), "64 lower-case hex digits"),
        ("sha256:" + EMPTY[Algorithm.SHA1], "64 lower-case hex digits"),
        ("sha256:" + EMPTY[Algorithm.SHA256] + "\n", "64 lower-case hex digits"),
        ("sha256:" + "g" * 64, "64 lower-case hex digits"),
    ],
)
def test_malformed_digests_are_refused(text, problem):
    with pytest.raises(DigestError, match=problem):
        Digest.parse(text, bare=Algorithm.SHA256)


@given(st.text())
def test_any_text_is_a_digest_or_a_digest_error(text):
    with pytest.raises(DigestError):
        Digest.parse(text, bare=Algorithm.SHA256)
