"""Both charts on a real server: every object is accepted, and rights are enough and no more."""

SOURCE, KUSTOMIZE = "source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"


def test_source_controller_may_do_its_work_and_nothing_else(installed):
    here = installed.namespace
    needed = [
        ("list", SOURCE, "gitrepositories", ""),
        ("watch", SOURCE, "gitrepositories", ""),
        ("patch", SOURCE, "gitrepositories", "default"),
        ("patch", SOURCE, "gitrepositories/status", "default"),
        ("update", SOURCE, "gitrepositories/finalizers", "default"),
        ("get", "", "secrets", "default"),
        ("get", "", "serviceaccounts", "default"),
        ("create", "", "serviceaccounts/token", "default"),
        ("create", "", "events", "default"),
        ("patch", "", "events", "default"),
        ("create", "coordination.k8s.io", "leases", here),
        ("update", "coordination.k8s.io", "leases", here),
    ]
    refused = [
        ("delete", SOURCE, "gitrepositories", "default"),
        ("update", "", "secrets", "default"),
        ("get", "", "configmaps", "default"),
        ("delete", "apps", "deployments", "default"),
        ("create", "", "pods", "default"),
        ("impersonate", "", "serviceaccounts", "default"),
        ("update", "coordination.k8s.io", "leases", "default"),
        ("get", KUSTOMIZE, "kustomizations", "default"),
    ]
    assert installed.may("source-controller", [*needed, *refused]) == set(needed)


def test_kustomize_controller_may_apply_anything_unless_told_otherwise(installed):
    anything = [
        ("delete", "apps", "deployments", "default"),
        ("create", "rbac.authorization.k8s.io", "roles", ""),
    ]
    assert installed.may("kustomize-controller", anything) == set(anything)

    installed.kubectl("delete", "clusterrolebinding", f"cluster-reconciler-{installed.namespace}")
    needed = [
        ("watch", KUSTOMIZE, "kustomizations", ""),
        ("patch", KUSTOMIZE, "kustomizations", "default"),
        ("patch", KUSTOMIZE, "kustomizations/status", "default"),
        ("watch", SOURCE, "gitrepositories", ""),
        ("watch", SOURCE, "externalartifacts", ""),
        ("get", "", "configmaps", "default"),
        ("get", "", "secrets", "default"),
        ("impersonate", "", "serviceaccounts", "default"),
        ("create", "", "events", "default"),
        ("update", "coordination.k8s.io", "leases", installed.namespace),
    ]
    refused = [
        *anything,
        ("patch", SOURCE, "gitrepositories", "default"),
        ("update", "", "secrets", "default"),
        ("impersonate", "", "users", ""),
    ]
    assert installed.may("kustomize-controller", [*needed, *refused]) == set(needed)


def test_people_who_may_view_see_the_objects_of_the_suite(installed):
    role = installed.kubectl(
        "get", "clusterrole", f"source-controller-view-{installed.namespace}", "-o", "jsonpath={.rules}"
    )
    assert SOURCE in role
