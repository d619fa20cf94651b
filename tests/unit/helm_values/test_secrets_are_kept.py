"""What came from Secrets is found in messages in whatever way they write it."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helm_controller.values import secrecy
from helm_controller.values.secrecy import Secrets, without_secrets

PASSWORD = r"Pa\ss'word-1"
LINES = "Pa\\ss'word-1\n\"é\x01\u2028<&>"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=100).filter(
    lambda text: text == text.strip()
)


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (PASSWORD, PASSWORD),
        (PASSWORD, r"Pa\\ss\'word-1"),
        (PASSWORD, r"Pa\\ss'word-1"),
        (PASSWORD, r"Pa\ss''word-1"),
        (PASSWORD, r"Pa\\\\ss\\'word-1"),
        (PASSWORD, r"Pa\\ss\u0027word-1"),
        (PASSWORD, "Pa%5css%27word-1"),
        (LINES, LINES),
        (LINES, r"Pa\\ss'word-1\n\"é\x01\u2028<&>"),
        (LINES, r"Pa\\ss'word-1\n\"\u00e9\x01\u2028<&>"),
        (LINES, r"Pa\\ss'word-1\n\"é\u0001\u2028\u003c\u0026\u003e"),
        (LINES, r"Pa\\\\ss'word-1\\n\\\"\\u00E9\\u0001\\u2028\\u003C\\u0026\\u003E"),
        ("smile \U0001f600!", r"smile \U0001f600!"),
        ("smile \U0001f600!", r"smile \ud83d\ude00!"),
    ],
)
def test_all_ways_of_quoting(secret, text):
    assert without_secrets(f'not "{text}" but', [secret]) == 'not "*****" but'


@given(TEXTS)
def test_json_and_addresses_of_any_text(secret):
    for text in (
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        json.dumps(json.dumps(secret)),
        f'"{quote(secret)}"',
        f'"{quote_plus(secret)}"',
    ):
        assert without_secrets(text, [secret]).strip('\\"') == "*****"


@given(TEXTS, st.text(max_size=10), st.text(max_size=10))
def test_base64_even_of_more_than_the_secret(secret, before, after):
    encoded = base64.b64encode(f"{before}{secret}{after}".encode("utf-8", "surrogatepass")).decode()
    assert "*****" in without_secrets(encoded, [secret])
    alone = base64.b64encode(secret.encode()).decode()
    assert without_secrets(f"- {alone}", [secret]) == "- *****"


@pytest.mark.parametrize("text", ["abc", "YWJj", "-abc!", '"abc"', "at abc:", "abc\nd", "x: abc"])
def test_short_secrets_that_stand_alone(text):
    assert "*****" in without_secrets(text, ["abc"])


@pytest.mark.parametrize("text", ["abcd", "1abc", "an abcess", "xYWJj", "*", "a*b"])
def test_short_secrets_are_no_parts_of_words(text):
    assert without_secrets(text, ["abc", "*"]) == text


def test_the_longer_secret_counts():
    assert without_secrets("secret-and-more secret-1", ["secret", "secret-and-more"]) == "***** *****-1"


def test_parts_of_long_secrets():
    secret = "".join(f"line {number}, " for number in range(1000))
    told = without_secrets(f"begins with {secret[:600]}", [secret])
    assert "line 57" not in told
    assert len(told) < 256


@pytest.mark.parametrize("sign", ["\\", "'", '"', "\n", "é", "%", "\\'", "'\\"])
def test_no_secret_makes_the_search_long(sign):
    text = sign * 4000
    assert without_secrets(text, [f"{sign * 100}Q", f"Q{sign * 100}Q"]) == text


def test_of_very_many_secrets_only_those_are_looked_at_that_may_be_there(monkeypatch):
    looked_for = []

    def noted(replace):
        def replaced(text, piece):
            looked_for.append(piece)
            return replace(text, piece)

        return replaced

    for step in ("_without_spellings", "_without_encodings"):
        monkeypatch.setattr(secrecy, step, noted(getattr(secrecy, step)))
    secrets = Secrets([f"{number:06}-secret-of-many" for number in range(50_000)])
    encoded = base64.b64encode(b"user:000777-secret-of-many").decode()
    told = secrets.masked(f"'000042-secret\\-of-many' and {encoded}")
    assert told.count("*****") == 2
    assert sorted(looked_for) == ["000042-secret-of-many", "000777-secret-of-many"]
