"""Whose a place of a live object is."""

from shared.ssa.owners import FieldOwner, owners_of

LIVE = {
    "metadata": {
        "managedFields": [
            {
                "manager": "ours",
                "operation": "Apply",
                "fieldsV1": {"f:data": {"f:a": {}}, "f:spec": {"f:ports": {'k:{"port":80}': {"f:name": {}}}}},
            },
            {"manager": "theirs", "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}, "f:b": {}}}},
            {
                "manager": "scaler",
                "operation": "Update",
                "subresource": "scale",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            },
            {"manager": "broken", "fieldsV1": {"f:spec": {"f:ports": {"k:{": {}}}}},
        ]
    },
    "data": {"a": "1", "b": "2"},
    "spec": {"ports": [{"port": 80, "name": "x"}], "replicas": 2},
}


def managers(*path):
    return [owner.manager for owner in owners_of(LIVE, path)]


def test_a_field_may_have_several():
    assert managers("data", "a") == ["ours", "theirs"]
    assert managers("data", "b") == ["theirs"]
    assert managers("data", "c") == []


def test_items_of_lists_are_found_by_their_keys():
    assert managers("spec", "ports", "0", "name") == ["ours"]
    assert managers("spec", "ports", "1", "name") == []


def test_how_it_came_to_be_theirs():
    assert list(owners_of(LIVE, ("spec", "replicas"))) == [
        FieldOwner("scaler", applies=False, subresource="scale")
    ]
    assert [owner.applies for owner in owners_of(LIVE, ("data", "a"))] == [True, False]


def test_an_object_without_entries_belongs_to_nobody():
    assert list(owners_of({"metadata": {}}, ("data",))) == []
