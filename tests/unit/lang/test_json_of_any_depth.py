"""What is nested too deep is null, and the rest is as it was."""

import pytest

from shared.lang.json import JsonError, dumps, loads
from shared.lang.nesting import DEEPEST, dumps_cut, loads_cut

DEPTHS = [1, DEEPEST - 1, DEEPEST + 50, 1000, 1024, 1025, 9000]


def text(levels, around=('{"a":', "}")):
    begin, end = around
    return f"{begin * levels}1{end * levels}".encode()


def depth(value):
    found = 0
    while isinstance(value, dict | list):
        found += 1
        value = next(iter(value.values() if isinstance(value, dict) else value), None)
    return found


@pytest.mark.parametrize("around", [('{"a":', "}"), ("[", "]"), ('{"]}\\"":[', "]}")])
@pytest.mark.parametrize("levels", DEPTHS)
def test_all_is_read_and_can_be_written(levels, around):
    whole = b'{"before":[{}],"deep":' + text(levels, around) + b',"after":"[[{"}'
    found = loads_cut(whole)
    assert (found["before"], found["after"]) == ([{}], "[[{")
    again = loads(dumps_cut(found))
    assert (again["before"], again["after"]) == ([{}], "[[{")
    if levels * len(around[1]) < DEEPEST:
        assert again == loads(whole)
    else:
        assert depth(again["deep"]) == DEEPEST - 1


@pytest.mark.parametrize("broken", [b"", b"{", b"[}", b"nothing", b'"', text(1500)[:-1], text(1500) + b"}"])
def test_what_is_no_json_is_none(broken):
    with pytest.raises(JsonError):
        loads_cut(broken)


def test_other_values_are_written_as_ever():
    assert dumps_cut({"a": [1, "x"]}) == dumps({"a": [1, "x"]})
