"""What was touched longest ago makes room for what is new."""

from collections import OrderedDict

from shared.lang.bounded import remember
from shared.lang.json import mapping, mappings


def test_the_oldest_go_first():
    memory = OrderedDict()
    for key in "abc":
        remember(memory, key, key.upper(), 2)
    assert dict(memory) == {"b": "B", "c": "C"}


def test_what_is_told_again_is_new_again():
    memory = OrderedDict()
    for key in "abac":
        remember(memory, key, key.upper(), 2)
    assert list(memory) == ["a", "c"]


def test_a_limit_that_fell_counts_at_once():
    memory = OrderedDict.fromkeys("abcd")
    remember(memory, "e", None, 1)
    assert list(memory) == ["e"]


def test_what_is_no_object_counts_as_empty():
    assert [mapping(value) for value in ({"a": 1}, None, "a", [1])] == [{"a": 1}, {}, {}, {}]
    assert [mappings(value) for value in ([{"a": 1}, 2], None, {"a": 1})] == [[{"a": 1}], [], []]
