"""JSON to the byte as Go writes it, and read as Go reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang.gojson import dumps, dumps_texts, first_object, loads, loads_object
from shared.lang.json import JsonError

texts = st.text(max_size=20) | st.sampled_from(["<a&b>", "\u2028\u2029", '"\\\n\t\x00\x1f\x7f', "\U0001f600"])
values = st.recursive(
    texts | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_the_quick_way_gives_the_same(value):
    assert dumps_texts(value) == dumps(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": "<&>", "a": [None, True]}, '{"b":"\\u003c\\u0026\\u003e","a":[null,true]}'),
        ("\u2028\u00e4", '"\\u2028\u00e4"'),
        ('"\\', '"\\"\\\\"'),
    ],
)
def test_signs_of_html_and_of_lines_are_escaped(value, text):
    assert dumps(value) == dumps_texts(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"\\ud83d"', "\ufffd"),
        (b'"\\udE00\\uD83D"', "\ufffd\ufffd"),
        (b'"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        (b'"\\\\ud83d \\ud83d"', "\\ud83d \ufffd"),
        (b'"\xffa"', "\ufffda"),
        (
            b'{"\\ud83d": [1.5, 123456789012345678901, "\\"\\n"]}',
            {"\ufffd": [1.5, 123456789012345678901.0, '"\n']},
        ),
    ],
)
def test_what_is_no_unicode_is_read_as_the_sign_for_that(text, value):
    assert loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b'"\\ud83d',
        b'["\\ud83d", NaN]',
        b'["\\ud83d", 1e999]',
        b'["\\ud83d",]',
        b"\xef\xbb\xbf{}",
        b'["\\ud83d"' + b"[" * 5000,
        b'["\\ud83d",' + b"1" * 5000 + b"]",
        b'["\\ud83d", "%b"]' % (b"x" * (1 << 18)),
    ],
)
def test_other_mistakes_stay_mistakes(text):
    with pytest.raises(JsonError, match="at line 1 column"):
        loads(text)


def test_null_is_an_object_without_members():
    assert loads_object(b"null") == loads_object(b"{}") == {}
    with pytest.raises(JsonError, match=r"found an array$"):
        loads_object(b"[]")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":1}\n{"b":2}\n', {"a": 1}),
        (b' \r\n\t{"a":"\xff\\ud83d}{"}trailing', {"a": "\ufffd\ufffd}{"}),
        (b"null{}", {}),
        (b"{}", {}),
    ],
)
def test_of_several_values_the_first_one_is_read(text, value):
    assert first_object(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"a":1',
        b"1 {}",
        b'{"a":NaN} {}',
        b"x {}",
        b"\xef\xbb\xbf{} {}",
        b"[" * 100_000,
        b"{} " + b" " * (1 << 18) + b"{}",
    ],
)
def test_a_first_value_with_a_mistake_is_one(text):
    with pytest.raises(JsonError):
        first_object(text)
