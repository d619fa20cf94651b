"""Fields that others set by hand move to the controller's entry, which then is the only owner."""

import pytest

from shared.ssa import Takeover, Writer, by_hand, client_side, overridden
from shared.ssa.managed_fields import migration, union

ME = "kustomize-controller"
TAKEOVER = Takeover(
    ME,
    (*by_hand(ME), *overridden(["flux-client-side-apply", ""])),
    annotations=("kubectl.kubernetes.io/last-applied-configuration",),
    labels=("fluxcd.io/sync-gc-mark",),
)


def entry(manager, operation, fields, subresource=""):
    result = {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields}
    return result | ({"subresource": subresource} if subresource else {})


def live(*entries, **metadata):
    return {"metadata": {"name": "a", "resourceVersion": "7", "managedFields": list(entries), **metadata}}


def managed(obj):
    found = [item for item in TAKEOVER.operations(obj) if item["path"] == "/metadata/managedFields"]
    return found[0]["value"] if found else None


OWN = entry(ME, "Apply", {"f:data": {"f:a": {}}})


@pytest.mark.parametrize(
    ("manager", "operation", "taken"),
    [
        ("kubectl-edit", "Update", True),
        ("kubectl", "Apply", True),
        ("kubectl-client-side-apply", "Update", True),
        ("before-first-apply", "Update", True),
        ("before-first-apply", "Apply", False),
        (ME, "Update", True),
        ("flux-client-side-apply", "Update", True),
        ("flux-client-side-apply", "Apply", True),
        ("kube-controller-manager", "Update", False),
        ("argocd", "Apply", False),
    ],
)
def test_who_is_taken_over(manager, operation, taken):
    other = entry(manager, operation, {"f:data": {"f:b": {}}})
    expected = [entry(ME, "Apply", {"f:data": {"f:a": {}, "f:b": {}}})] if taken else None
    assert managed(live(OWN, other)) == expected


def test_status_entries_stay():
    assert managed(live(OWN, entry("kubectl-edit", "Update", {"f:status": {}}, "status"))) is None


def test_without_an_own_entry_the_first_match_becomes_it():
    first = entry("kubectl-create", "Update", {"f:data": {"f:a": {}}})
    second = entry("kubectl-edit", "Update", {"f:data": {"f:b": {}}})
    other = entry("operator", "Update", {"f:x": {}})
    want = [other, entry(ME, "Apply", {"f:data": {"f:a": {}, "f:b": {}}})]
    assert managed(live(other, first, second)) == want


def test_leftovers_of_older_tools_go():
    key = "kubectl.kubernetes.io/last-applied-configuration"
    obj = live(OWN, annotations={key: "{}", "keep": "x"}, labels={"fluxcd.io/sync-gc-mark": "x"})
    assert TAKEOVER.operations(obj) == [
        {"op": "remove", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"},
        {"op": "remove", "path": "/metadata/labels/fluxcd.io~1sync-gc-mark"},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
    ]


def test_nothing_to_do_is_no_patch():
    assert TAKEOVER.operations(live(OWN)) == []
    assert TAKEOVER.operations({"metadata": {}}) == []


def test_union_of_field_sets():
    left = {"f:spec": {"f:a": {}, 'k:{"name":"x"}': {".": {}}}}
    right = {"f:spec": {"f:b": {"f:c": {}}, 'k:{"name":"x"}': {"f:image": {}}}}
    assert union([left, right]) == {
        "f:spec": {"f:a": {}, "f:b": {"f:c": {}}, 'k:{"name":"x"}': {".": {}, "f:image": {}}}
    }


def test_migration_moves_all_entries():
    obj = live(
        entry(ME, "Apply", {}) | {"apiVersion": "x/v1beta1"},
        entry("o", "Update", {}) | {"apiVersion": "x/v1"},
    )
    patch = migration(obj, "x/v1")
    assert [item["apiVersion"] for item in patch[0]["value"]] == ["x/v1", "x/v1"]
    assert migration(live(*patch[0]["value"]), "x/v1") == []


@pytest.mark.parametrize(
    ("manager", "operation", "taken"),
    [
        ("scaler", "Update", True),
        ("scaler-v2", "Apply", True),
        ("kubectl-edit", "Update", False),
        ("before-first-apply", "Update", False),
        (ME, "Update", False),
    ],
)
def test_only_named_managers_are_overridden(manager, operation, taken):
    obj = live(OWN, entry(manager, operation, {"f:data": {"f:b": {}}}))
    assert bool(Takeover(ME, overridden(["scaler"])).operations(obj)) is taken


@pytest.mark.parametrize(
    ("manager", "operation", "taken"),
    [
        ("helm", "Update", True),
        ("helm", "Apply", True),
        (ME, "Update", True),
        ("helm-operator", "Update", False),
        ("helmfile", "Apply", False),
        (f"{ME}-2", "Update", False),
    ],
)
def test_a_manager_may_be_one_by_its_whole_name(manager, operation, taken):
    obj = live(OWN, entry(manager, operation, {"f:data": {"f:b": {}}}))
    assert bool(Takeover(ME, (Writer("helm", exact=True), client_side(ME))).operations(obj)) is taken
