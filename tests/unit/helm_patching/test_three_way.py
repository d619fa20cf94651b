"""The patch of three states: what goes, what is set, what stays."""

import pytest

from helm_controller.patching.three_way import Rules, three_way

ENV = Rules({"env": Rules(merges=True, key="name")}, merges=True, key="name")
POD = Rules(
    {
        "containers": ENV,
        "volumes": Rules(merges=True, key="name", retains=True),
        "finalizers": Rules(merges=True),
        "strategy": Rules(retains=True),
        "ports": Rules(merges=True, key="port"),
    }
)


@pytest.mark.parametrize(
    ("before", "live", "wanted", "patch"),
    [
        pytest.param({}, {"a": 1}, {"a": 1}, {}, id="equal"),
        pytest.param({}, {"a": 1}, {"a": 2}, {"a": 2}, id="changed"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, {"a": 1}, {}, id="others-added"),
        pytest.param({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 1}, {"b": None}, id="no-longer-wanted"),
        pytest.param({"a": 1, "b": 2}, {"a": 1}, {"a": 1}, {}, id="gone-already"),
        pytest.param({"a": 1}, {"a": 9}, {"a": 1}, {"a": 1}, id="changed-by-others"),
        pytest.param({}, {"a": {"b": 1, "c": 2}}, {"a": {"b": 2}}, {"a": {"b": 2}}, id="nested"),
        pytest.param(
            {"a": {"b": 1, "c": 2}},
            {"a": {"b": 1, "c": 2}},
            {"a": {"b": 1}},
            {"a": {"c": None}},
            id="nested-gone",
        ),
        pytest.param({}, {"a": {"b": 1}}, {"a": "text"}, {"a": "text"}, id="another-type"),
        pytest.param({}, {"a": 1}, {"a": None}, {"a": None}, id="null-removes"),
        pytest.param({}, {}, {"a": None}, {}, id="null-of-nothing"),
        pytest.param({}, {"a": 1}, {"a": True}, {"a": True}, id="true-is-not-one"),
        pytest.param({}, {"l": [1, 2]}, {"l": [2]}, {"l": [2]}, id="list-is-replaced"),
    ],
)
def test_without_rules_it_is_a_merge_patch(before, live, wanted, patch):
    assert three_way(before, live, wanted) == patch


@pytest.mark.parametrize(
    ("before", "live", "wanted", "patch"),
    [
        pytest.param(
            {},
            {"containers": [{"name": "main", "image": "a", "pull": "Always"}, {"name": "sidecar"}]},
            {"containers": [{"name": "main", "image": "a"}]},
            {},
            id="what-others-added-stays",
        ),
        pytest.param(
            {},
            {"containers": [{"name": "main", "image": "a"}, {"name": "sidecar"}]},
            {"containers": [{"name": "main", "image": "b"}]},
            {
                "containers": [{"name": "main", "image": "b"}],
                "$setElementOrder/containers": [{"name": "main"}],
            },
            id="item-changed",
        ),
        pytest.param(
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"containers": [{"name": "a"}]},
            {
                "containers": [{"name": "b", "$patch": "delete"}],
                "$setElementOrder/containers": [{"name": "a"}],
            },
            id="item-gone",
        ),
        pytest.param(
            {},
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"containers": [{"name": "b"}, {"name": "a"}]},
            {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]},
            id="another-order",
        ),
        pytest.param(
            {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]},
            {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]},
            {"containers": [{"name": "a", "env": []}]},
            {
                "containers": [
                    {
                        "name": "a",
                        "env": [{"name": "X", "$patch": "delete"}],
                    }
                ],
                "$setElementOrder/containers": [{"name": "a"}],
            },
            id="item-of-item-gone",
        ),
        pytest.param(
            {},
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            {"volumes": [{"name": "v", "configMap": {"name": "c"}}]},
            {
                "volumes": [{"name": "v", "configMap": {"name": "c"}, "$retainKeys": ["configMap", "name"]}],
                "$setElementOrder/volumes": [{"name": "v"}],
            },
            id="only-wanted-keys-stay",
        ),
        pytest.param(
            {},
            {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
            {"strategy": {"type": "Recreate"}},
            {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}},
            id="only-wanted-keys-of-an-object-stay",
        ),
        pytest.param(
            {"finalizers": ["a", "b"]},
            {"finalizers": ["a", "b", "theirs"]},
            {"finalizers": ["a", "c"]},
            {
                "finalizers": ["c"],
                "$deleteFromPrimitiveList/finalizers": ["b"],
                "$setElementOrder/finalizers": ["a", "c"],
            },
            id="list-of-texts",
        ),
        pytest.param(
            {},
            {"ports": [{"port": 53, "protocol": "UDP", "x": 1}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {},
            id="same-key-twice-unchanged",
        ),
        pytest.param(
            {"ports": [{"port": 53, "protocol": "UDP"}]},
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 80, "protocol": "TCP"}]},
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {
                "ports": [
                    {"$patch": "replace"},
                    {"port": 53, "protocol": "UDP"},
                    {"port": 53, "protocol": "TCP"},
                    {"port": 80, "protocol": "TCP"},
                ]
            },
            id="same-key-twice-changed",
        ),
        pytest.param(
            {"containers": [{"name": "a"}]},
            {},
            {"containers": [{"name": "a"}]},
            {"containers": [{"name": "a"}]},
            id="list-that-is-not-there",
        ),
        pytest.param(
            {"containers": [{"name": "a"}]},
            {"containers": [{"name": "a"}]},
            {},
            {"containers": None},
            id="list-no-longer-wanted",
        ),
    ],
)
def test_with_rules_lists_are_merged_item_by_item(before, live, wanted, patch):
    assert three_way(before, live, wanted, POD) == patch


def test_inputs_stay_as_they_are():
    before = {"containers": [{"name": "a", "env": [{"name": "X"}]}]}
    wanted = {"containers": [{"name": "a", "env": [{"name": "Y"}]}]}
    copies = str((before, wanted))
    three_way(before, before, wanted, POD)
    assert str((before, wanted)) == copies
