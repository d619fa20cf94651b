"""The notation of `helm --set`, told without helm; the component tests compare with it."""

import json

import pytest

from helm_controller.values.strvals import StrvalsError, escaped, parse_into, parse_into_string


def values_of(text, base="{}", parse=parse_into):
    values = json.loads(base)
    parse(text, values)
    return values


def shown(value):
    """Text in which 1 and true differ."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("text", "text"),
        ("true", True),
        ("False", False),
        ("NULL", None),
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("+12", 12),
        ("-12", -12),
        ("+0012", 12),
        ("012", "012"),
        ("1.5", "1.5"),
        ("1e3", "1e3"),
        ("1_000", "1_000"),
        ("9223372036854775807", 9223372036854775807),
        ("-9223372036854775808", -9223372036854775808),
        ("9223372036854775808", "9223372036854775808"),
        ("1" * 5000, "1" * 5000),
        ("-" + "0" * 5000 + "1", -1),
        ("a=b", "a=b"),
        ("a.b[0]", "a.b[0]"),
        (r"a\,b\\c", r"a,b\c"),
        (r"\true", True),
        ("{a,1,null}", ["a", 1, None]),
        ("{}", [""]),
        (r"{a\,b,\}}", ["a,b", "}"]),
        (" a ", " a "),
        ("two\nlines", "two\nlines"),
    ],
)
def test_a_value_has_a_type(text, value):
    assert shown(values_of(f"key={text}")) == shown({"key": value})


@pytest.mark.parametrize("text", ["true", "null", "0", "12"])
def test_strings_stay_strings(text):
    assert values_of(f"key={text},list={{{text}}}", parse=parse_into_string) == {"key": text, "list": [text]}


@pytest.mark.parametrize(
    ("base", "text", "after"),
    [
        ('{"a": {"x": 1}}', "a.y=2", '{"a": {"x": 1, "y": 2}}'),
        ('{"a": {"x": 1}}', "a=2", '{"a": 2}'),
        ('{"a": 1}', "a=null", '{"a": null}'),
        ("{}", r"a\.b=1", '{"a.b": 1}'),
        ("{}", "a.b.c=1,a.b.d=2,e=3", '{"a": {"b": {"c": 1, "d": 2}}, "e": 3}'),
        ("{}", "a[2]=1", '{"a": [null, null, 1]}'),
        ('{"a": [1, 2]}', "a[0]=x", '{"a": ["x", 2]}'),
        ('{"a": [{"x": 1}, 2]}', "a[0].y=2,a[1].z=3", '{"a": [{"x": 1, "y": 2}, {"z": 3}]}'),
        ("{}", "a[0][1]=x", '{"a": [[null, "x"]]}'),
        ("{}", "a={1}b=2", '{"a": [1], "b": 2}'),
        ("{}", "a=1,", '{"a": 1}'),
        ("{}", "=1", "{}"),
        ("{}", "a[0", "{}"),
        ("{}", "a[0][1", '{"a": []}'),
    ],
)
def test_an_assignment_changes_what_is_there(base, text, after):
    assert shown(values_of(text, base)) == shown(json.loads(after))


def test_the_greatest_index_is_65536():
    assert len(values_of("a[65536]=x")["a"]) == 65537
    with pytest.raises(StrvalsError, match="index is greater than maximum supported index of 65536"):
        values_of("a[65537]=x")


def test_a_key_has_at_most_thirty_levels():
    assert values_of("a." * 30 + "a=x")
    with pytest.raises(StrvalsError, match="greater than maximum supported nested level of 30"):
        values_of("a." * 31 + "a=x")


def test_a_short_text_makes_no_endless_lists():
    assert len(values_of(",".join(f"a[{n}]=x" for n in range(2000)))["a"]) == 2000
    with pytest.raises(StrvalsError, match="the lists have too many items together"):
        values_of(",".join(f"a{n}[65536]=x" for n in range(100)))


@pytest.mark.parametrize("step", ["[0]", "[0].a"])
def test_lists_in_lists_have_an_end_too(step):
    with pytest.raises(StrvalsError, match="more than 100 indexes in one key"):
        values_of("a" + step * 5000 + "=x")
    many = ",".join(f"a{n}[0]=x" for n in range(200))
    assert len(values_of(many)) == 200


@pytest.mark.parametrize(
    ("base", "text", "message"),
    [
        ("{}", "a", 'key "a" has no value'),
        ("{}", "a,b=1", 'key "a" has no value (cannot end with ,)'),
        ("{}", "a.=1", 'key map "a" has no value'),
        ("{}", "a={1,2", "list must terminate with '}'"),
        ("{}", "a[x]=1", "error parsing index: it must be a number in brackets"),
        ("{}", "a[99999999999999999999]=1", "error parsing index: it must be a number in brackets"),
        ("{}", "a[-1]=1", "negative index not allowed"),
        ("{}", "a[0]b=1", "unexpected data at end of array index"),
        ('{"a": 1}', "a.b=1", 'unable to parse key: "a" is no map'),
        ('{"a": null}', "a.b=1", 'unable to parse key: "a" is no map'),
        ('{"a": {}}', "a[0]=1", 'unable to parse key: "a" is no list'),
        ('{"a": ["x"]}', "a[0][0]=1", "unable to parse key: an item is no list"),
    ],
)
def test_what_is_no_assignment_is_refused(base, text, message):
    with pytest.raises(StrvalsError) as refused:
        values_of(text, base)
    assert str(refused.value) == message


def test_an_error_tells_how_far_it_came():
    with pytest.raises(StrvalsError) as refused:
        values_of("a.b=text", '{"a": 1}')
    assert refused.value.at == len("a.")


@pytest.mark.parametrize(
    "text", ["", "a,b", "{a}", "[0]", "\\", "a\\,b", "'", '"', "a=b.c", "null", "two\nlines"]
)
def test_an_escaped_text_stands_for_itself(text):
    assert values_of(f"key={escaped(text)}", parse=parse_into_string) == {"key": text}
