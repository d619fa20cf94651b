"""How two sets of values become one."""

import pytest

from helm_controller.values.merging import merge


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": {"z": 1}}}, {"a": {"y": {"w": 2}}}, {"a": {"x": 1, "y": {"z": 1, "w": 2}}}),
        ({"a": [1, 2, 3]}, {"a": [4]}, {"a": [4]}),
        ({"a": {"x": 1}}, {"a": "text"}, {"a": "text"}),
        ({"a": "text"}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": {"x": 1}}, {"a": None}, {"a": None}),
        ({"a": {"x": 1}}, {"a": {"x": None}}, {"a": {"x": None}}),
        ({"a": {"x": 1}}, {"a": {}}, {"a": {"x": 1}}),
        ({}, {}, {}),
    ],
)
def test_only_maps_merge_and_all_else_replaces(base, over, merged):
    assert merge(base, over) == merged


def test_the_arguments_stay_as_they_are():
    base, over = {"a": {"x": 1}, "b": 1}, {"a": {"y": 2}, "b": 2}
    merge(base, over)["a"]["z"] = 3
    assert (base, over) == ({"a": {"x": 1}, "b": 1}, {"a": {"y": 2}, "b": 2})


def test_what_met_no_counterpart_is_shared():
    base, over = {"a": {"x": {}}, "b": []}, {"a": {"y": {}}, "c": {}, "d": []}
    merged = merge(base, over)
    assert merged["b"] is base["b"]
    assert merged["c"] is over["c"]
    assert merged["d"] is over["d"]
    assert merged["a"]["x"] is base["a"]["x"]
    assert merged["a"]["y"] is over["a"]["y"]
