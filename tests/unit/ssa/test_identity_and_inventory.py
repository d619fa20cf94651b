"""Identities survive the way into an inventory and back, and inventories tell what became stale."""

import pytest

from shared.ssa import Entry, Inventory, ObjectId

RBAC = "rbac.authorization.k8s.io"


@pytest.mark.parametrize(
    ("identity", "text", "display"),
    [
        (ObjectId("", "nginx", "", "Namespace"), "_nginx__Namespace", "Namespace/nginx"),
        (
            ObjectId("default", "podinfo", "apps", "Deployment"),
            "default_podinfo_apps_Deployment",
            "Deployment/default/podinfo",
        ),
        (
            ObjectId("", "system:foo", RBAC, "ClusterRole"),
            f"_system__foo_{RBAC}_ClusterRole",
            "ClusterRole/system:foo",
        ),
        (ObjectId("a", "x:y:z", RBAC, "Role"), f"a_x__y__z_{RBAC}_Role", "Role/a/x:y:z"),
    ],
)
def test_identity_round_trip(identity, text, display):
    assert str(identity) == text
    assert ObjectId.parse(text) == identity
    assert identity.display == display


@pytest.mark.parametrize("text", ["", "nginx", "a_b_c", "a__apps_Deployment", "a_b_apps_"])
def test_a_text_that_is_no_identity_is_refused(text):
    with pytest.raises(ValueError, match="inventory id"):
        ObjectId.parse(text)


def test_identity_of_an_object():
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}}
    assert ObjectId.of(obj) == ObjectId("n", "a", "apps", "Deployment")


OLD = Inventory.read([{"id": "n_a__ConfigMap", "v": "v1"}, {"id": "n_b_apps_Deployment", "v": "v1beta1"}])
NEW = Inventory.read([{"id": "n_b_apps_Deployment", "v": "v1"}, {"id": "n_c__Secret", "v": "v1"}])


def test_stale_is_what_is_only_in_the_old_one():
    assert OLD.minus(NEW).write() == [{"id": "n_a__ConfigMap", "v": "v1"}]


def test_another_version_of_the_api_is_not_stale():
    assert ObjectId("n", "b", "apps", "Deployment") not in OLD.minus(NEW).ids


def test_the_superset_has_everything_with_new_versions():
    assert [(str(entry.id), entry.version) for entry in NEW.union(OLD)] == [
        ("n_b_apps_Deployment", "v1"),
        ("n_c__Secret", "v1"),
        ("n_a__ConfigMap", "v1"),
    ]


def test_one_entry_per_object_the_first_one():
    a = Entry(ObjectId("n", "a", "", "ConfigMap"), "v1")
    b = Entry(ObjectId("n", "b", "", "ConfigMap"), "v1")
    assert Inventory.gather([a, b, Entry(a.id, "v2")]).entries == (a, b)


def test_api_version_of_an_entry():
    assert [entry.api_version for entry in OLD] == ["v1", "apps/v1beta1"]
