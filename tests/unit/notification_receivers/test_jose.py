"""Signatures of tokens: those of another library are verified, and nothing else is."""

import hashlib
import hmac
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_controller.receivers.jose import ALGORITHMS, LONGEST, BadToken, KeySet, Token, supported
from shared.testing.issuer import ALGORITHMS as OF_ISSUERS
from shared.testing.issuer import SigningKey, forged

KEYS = {algorithm: SigningKey(f"of-{algorithm}", algorithm) for algorithm in ("RS256", "ES256", "EdDSA")}
CLAIMS = {"iss": "https://issuer.example", "sub": "me"}


def keys(*published):
    return KeySet.of({"keys": [key.public if isinstance(key, SigningKey) else key for key in published]})


@pytest.mark.parametrize("algorithm", OF_ISSUERS)
def test_every_algorithm_of_issuers_is_verified(algorithm):
    key = KEYS.get(algorithm) or SigningKey("k", algorithm)
    token = Token.parse(key.token(CLAIMS))
    assert token.claims == CLAIMS
    assert keys(key).signed(token, [algorithm])
    assert not keys(key).signed(token, ALGORITHMS - {algorithm})
    head, _, signature = key.token(CLAIMS).split(".")
    other = Token.parse(".".join((head, forged({}, {"sub": "you"}).split(".")[1], signature)))
    assert not keys(key).signed(other, [algorithm])


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_only_the_key_of_the_token_counts(algorithm):
    key, other = KEYS[algorithm], SigningKey(f"of-{algorithm}", algorithm)
    token = Token.parse(key.token(CLAIMS))
    assert keys(other, key).signed(token, [algorithm])
    assert not keys(other).signed(token, [algorithm])
    assert not keys(key.public | {"kid": "renamed"}).signed(token, [algorithm])
    assert keys(key.public | {"kid": "renamed"}).signed(Token.parse(key.token(CLAIMS, kid="")), [algorithm])


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "RS384"},
        {"use": "enc"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"d": "AQAB"},
        {"kty": 1},
        {"kid": []},
    ],
)
def test_keys_for_something_else_are_left_out(change):
    key = KEYS["RS256"]
    token = Token.parse(key.token(CLAIMS))
    assert keys(key.public | {"alg": "RS256"}).signed(token, ["RS256"])
    assert not keys(key.public | change).signed(token, ["RS256"])


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "RSA", "n": 1, "e": 2},
        {"kty": "RSA", "n": "_" * 4000, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"},
        {"kty": "EC", "crv": "secp256k1", "x": "AQAB", "y": "AQAB"},
        {"kty": "EC", "crv": [], "x": "AQAB", "y": "AQAB"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AQAB"},
        {"kty": "OKP", "crv": "X25519", "x": "AQAB"},
        {"kty": "RSA", "n": "ä", "e": "AQAB"},
    ],
)
def test_bad_keys_do_not_spoil_good_ones(bad):
    key = KEYS["RS256"]
    assert keys(bad, key, "text", None).signed(Token.parse(key.token(CLAIMS)), ["RS256"])


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}])
def test_what_is_no_key_set_is_refused(document):
    with pytest.raises(BadToken, match="not a JWK set"):
        KeySet.of(document)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "", "RS255", "ES256K"])
def test_tokens_without_a_key_pair_are_worth_nothing(algorithm):
    published = json.dumps(KEYS["RS256"].public).encode()
    signed = forged({"alg": algorithm}, CLAIMS).rpartition(".")[0]
    for signature in (b"", b"x", hmac.digest(published, signed.encode(), hashlib.sha256)):
        token = Token.parse(forged({"alg": algorithm, "kid": "of-RS256"}, CLAIMS, signature))
        assert not keys(*KEYS.values()).signed(token, [algorithm, *ALGORITHMS])


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 256, 4000])
def test_signatures_of_any_length_are_refused(size):
    for algorithm, key in KEYS.items():
        token = Token.parse(forged({"alg": algorithm, "kid": key.id}, CLAIMS, b"\x01" * size))
        assert not keys(key).signed(token, [algorithm])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "..",
        forged({"alg": "RS256"}, CLAIMS) + "=",
        forged({"alg": "RS256"}, CLAIMS).replace(".", " ."),
        forged({"alg": 1}, CLAIMS),
        forged({"alg": "RS256", "kid": 1}, CLAIMS),
        forged({"kid": "a"}, CLAIMS),
        forged({"alg": "RS256", "crit": ["b64"], "b64": False}, CLAIMS),
        "W10." + forged({}, CLAIMS).split(".")[1] + ".",
        forged({"alg": "RS256"}, CLAIMS).split(".")[0] + ".W10.",
        "ä.b.c",
        "\udcff.b.c",
        forged({"alg": "RS256"}, {"a": "x" * LONGEST}),
    ],
)
def test_what_is_no_token_is_refused(text):
    with pytest.raises(BadToken) as caught:
        Token.parse(text)
    assert "issuer.example" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        (None, ["RS256"]),
        ([], ["RS256"]),
        (["none", "HS256"], ["RS256"]),
        (["ES256", "none", "RS512", 1], ["ES256", "RS512"]),
        ("ES256", ["RS256"]),
    ],
)
def test_algorithms_are_those_of_the_issuer_that_are_safe(named, taken):
    assert supported(named) == taken


@given(text=st.text() | st.binary().map(lambda data: data.decode(errors="surrogateescape")))
def test_any_text_is_a_token_or_refused(text):
    with suppress(BadToken):
        Token.parse(text)


@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "kid", "crit", "typ"]),
        st.sampled_from([*sorted(ALGORITHMS), "none", "", "of-RS256", "of-ES256", "of-EdDSA"])
        | st.none()
        | st.integers(-9, 9)
        | st.lists(st.text()),
    ),
    claims=st.dictionaries(st.text(), st.none() | st.integers(-9, 9) | st.text()),
    signature=st.binary(max_size=600),
)
def test_no_forged_token_is_signed(header, claims, signature):
    with suppress(BadToken):
        token = Token.parse(forged(header, claims, signature))
        assert not keys(*KEYS.values()).signed(token, ALGORITHMS)
