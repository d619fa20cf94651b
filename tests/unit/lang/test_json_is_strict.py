"""JSON values go in and out unchanged, and mistakes never repeat the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang.json import JsonError, dumps, loads, loads_object

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_what_is_written_reads_back(value):
    assert loads(dumps(value)) == value
    assert loads(dumps(value, sort_keys=True, indent=True).decode()) == value


def test_sorted_keys_make_equal_objects_equal_bytes():
    assert dumps({"b": 1, "a": {"d": 2, "c": 3}}, sort_keys=True) == b'{"a":{"c":3,"d":2},"b":1}'


@pytest.mark.parametrize("text", ["", "{", '{"token": hunter2}', "NaN", "[1,]", b"\xff", "// hunter2\n1"])
def test_a_mistake_is_located_but_not_quoted(text):
    with pytest.raises(JsonError, match=r"at line \d+ column \d+") as caught:
        loads(text)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "found"),
    [("[]", "an array"), ("null", "null"), ("1.5", "a number"), ('"x"', "a string"), ("true", "a boolean")],
)
def test_an_object_is_demanded(text, found):
    assert loads_object("{}") == {}
    with pytest.raises(JsonError, match=f"found {found}$"):
        loads_object(text)


def test_a_foreign_value_is_refused():
    with pytest.raises(JsonError, match="can't be written as JSON"):
        dumps({"a": {1, 2}})
