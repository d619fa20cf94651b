"""YAML is read and written like Go's libraries do; the tables were recorded from them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lang import json, yaml

DATA = Path(__file__).parents[2] / "data" / "lang"


def table(name):
    return json.loads((DATA / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "load"), [("yaml-read.json", yaml.load), ("yaml11-read.json", yaml.load_yaml11)]
)
def test_reads_the_recorded_texts(name, load):
    for row in table(name):
        if row.get("error"):
            with pytest.raises(yaml.YamlError):
                load(row["text"])
        else:
            assert repr(load(row["text"])) == repr(row["value"]), row


def test_writes_the_recorded_values():
    for row in table("yaml-written.json"):
        assert yaml.dump(row["value"]) == row["text"]


def test_words_of_the_two_dialects():
    text = "a: [yes, on, y, NO, 12:30, 0644, 0o17, 1.0, 1e3, .5, 1_000, 2020-01-01, ~]"
    rest = ["12:30", 420, 15, 1, 1000, 0.5, 1000, "2020-01-01", None]
    assert yaml.load(text) == {"a": ["yes", "on", "y", "NO", *rest]}
    assert yaml.load_yaml11(text) == {"a": [True, True, True, False, *rest]}
    assert [type(item) for item in yaml.load(text)["a"][5:9]] == [int, int, int, int]


def test_keys_are_written_in_the_order_of_go():
    value = dict.fromkeys(["b", "a10", "a2", "a", "a.b", "a-b", "ab", "1", "B", "a/b"])
    assert list(yaml.load(yaml.dump(value))) == ["1", "B", "a", "a-b", "a.b", "a/b", "a2", "a10", "ab", "b"]


def test_streams_have_documents():
    assert yaml.load_all("# nothing\n") == []
    assert yaml.load_all("---\n---\na: 1\n") == [None, {"a": 1}]
    assert yaml.load("") is None
    with pytest.raises(yaml.YamlError, match="another one"):
        yaml.load("a: 1\n---\nb: 2\n")
    assert yaml.dump_all([{"a": 1}, {"b": [1]}]) == "a: 1\n---\nb:\n- 1\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\n---\n", {"a": 1}),
        ("---\na: 1\n---\nb: 2\n", {"a": 1}),
        ("a: 1\n---\n{{{ no yaml", {"a": 1}),
        ("a: 1\n...\nx: y: [", {"a": 1}),
        ("---\n---\na: 1\n", None),
        ("", None),
    ],
)
def test_only_the_first_document_is_decoded_into_a_value(text, value):
    assert yaml.load_yaml11(text) == value


def test_scalars_become_text_where_text_is_wanted():
    assert [yaml.scalar_text(value) for value in (True, False, 20, 1.1, 1e21)] == [
        "true", "false", "20", "1.1", "1e+21"
    ]  # fmt: skip


def test_documents_tell_where_they_start_and_what_is_special():
    text = 'a: 1\n---\nb: &x [null]\nc: *x\n---\n1: 2020-01-01\nd: !!str 1\ne: {<<: {f: 1}}\ng: "\\0"\n'
    plain, aliased, special = yaml.documents(text)
    assert (plain.line, plain.quirks) == (1, frozenset())
    assert aliased.quirks == {yaml.Quirk.ANCHOR, yaml.Quirk.NULL_ITEM}
    assert special.quirks == {
        yaml.Quirk.KEY, yaml.Quirk.TIMESTAMP, yaml.Quirk.TAG, yaml.Quirk.MERGE, yaml.Quirk.NUL
    }  # fmt: skip
    assert special.value == {"1": "2020-01-01", "d": "1", "e": {"f": 1}, "g": "\0"}


def test_merge_keys_give_way_to_own_keys_and_to_earlier_sources():
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], c: 3}\n"
    assert yaml.load(text)["z"] == {"a": 1, "b": 1, "c": 3}
    with pytest.raises(yaml.YamlError, match="line 1, column 5: a merge key takes a mapping"):
        yaml.load("<<: 1")


def test_aliases_are_copies():
    value = yaml.load("a: &x {b: [1]}\nc: *x\n")
    value["a"]["b"].append(2)
    assert value["c"] == {"b": [1]}


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("a: 1\na: hunter2\n", "document 1, line 2, column 1", "the same key appears twice"),
        ("a: 1\n---\n'1': hunter2\n1: x", "document 2, line 4, column 1", "the same key appears twice"),
        ("a: *hunter2", "line 1, column 4", "anchor that is not defined"),
        ("a: &x [*x]", "line 1, column 8", "contains it"),
        ("[a]: hunter2", "line 1, column 1", "mapping key must be a plain value"),
        ("? {a: b}\n: c", "line 1, column 3", "mapping key must be a plain value"),
        ("~: hunter2", "line 1, column 1", "mapping key is null"),
        ("a: .inf", "line 1, column 4", "not finite"),
        ("a: !!int hunter2", "line 1, column 4", "does not fit its tag !!int"),
        ("a: !!binary hunter2", "line 1, column 4", "base64"),
        ("a: 'hunter2", "line 1", "unexpected end of stream"),
        ("a: b: hunter2", "line 1", "mapping values are not allowed"),
        ("password: hunter2\n\tx: y", "line 2", "tab character"),
        ("a: 1\nb: hunter2\0", "line 2", "control characters"),
        (b"a: \xff\xfe", "line 1", "invalid"),
    ],
)
def test_errors_name_the_place_and_never_the_content(text, where, problem):
    with pytest.raises(yaml.YamlError) as caught:
        yaml.load_all(text)
    message = str(caught.value)
    assert where in message
    assert problem in message
    assert "hunter2" not in message
    assert "\n" not in message


def test_the_last_of_equal_keys_wins_after_substitution():
    assert yaml.load_yaml11("a: 1\na: 2\n") == {"a": 2}


def test_aliases_can_not_explode():
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(yaml.YamlError, match="expand to more than 200000 values"):
        yaml.load("a0: &a0 [x]\n" + "\n".join(levels))


def test_depth_and_size_are_limited():
    deep = "[" * 250 + "]" * 250
    assert json.dumps(yaml.load(deep))
    with pytest.raises(yaml.YamlError, match="nested deeper than 250 levels"):
        yaml.load("[" * 100_000)
    with pytest.raises(yaml.YamlError, match="nested deeper"):
        yaml.load("x: &x " + "[" * 200 + "]" * 200 + "\ny: " + "[" * 100 + "*x" + "]" * 100)
    with pytest.raises(yaml.YamlError, match="longer than 3 bytes"):
        yaml.load("a: b", yaml.Limits(size=3))


# The line breaks of Unicode beyond ASCII don't survive libyaml's layout.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029\ufeff"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer() or abs(x) >= 2**63)
    | texts
    | st.sampled_from(
        ["yes", "0644", "1e3", "12:30", "~", "<<", "2020-01-01", "0x1", "- a", "a: b", " x", "x\n\n"]
    ),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


@given(values)
def test_what_is_written_reads_back_in_both_dialects(value):
    text = yaml.dump(value)
    assert yaml.load(text) == value
    assert yaml.load_yaml11(text) == value


@given(st.text() | st.text(alphabet="abn:-[]{}&*!|>'\"#%@? \n\t1.~<"))
def test_any_text_is_yaml_or_a_yaml_error(text):
    try:
        for value in yaml.load_all(text):
            yaml.dump(value)
    except yaml.YamlError as error:
        assert error.document > 0  # noqa: PT017
