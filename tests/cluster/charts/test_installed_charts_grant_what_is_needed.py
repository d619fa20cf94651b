"""All charts on a real server: every object is accepted, and rights are enough and no more."""

from shared.testing.patience import until

SOURCE, KUSTOMIZE = "source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"
HELM = "helm.toolkit.fluxcd.io"


def may(installed, controller, questions, granted):
    """A controller may do what is granted and no more; the server takes a moment to hear of new rules."""
    until(lambda: installed.may(controller, questions), lambda found: found == set(granted))


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
    may(installed, "source-controller", [*needed, *refused], needed)


def test_kustomize_controller_may_apply_anything_unless_told_otherwise(installed):
    anything = [
        ("delete", "apps", "deployments", "default"),
        ("create", "rbac.authorization.k8s.io", "roles", ""),
    ]
    may(installed, "kustomize-controller", anything, anything)

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
    may(installed, "kustomize-controller", [*needed, *refused], needed)


def test_helm_controller_may_apply_anything_unless_told_otherwise(installed):
    anything = [
        ("delete", "apps", "deployments", "default"),
        ("update", "", "secrets", "default"),
    ]
    may(installed, "helm-controller", anything, anything)

    installed.kubectl("delete", "clusterrolebinding", f"cluster-reconciler-helm-{installed.namespace}")
    needed = [
        ("watch", HELM, "helmreleases", ""),
        ("patch", HELM, "helmreleases", "default"),
        ("patch", HELM, "helmreleases/status", "default"),
        ("watch", SOURCE, "helmcharts", ""),
        ("watch", SOURCE, "ocirepositories", ""),
        ("create", SOURCE, "helmcharts", "default"),
        ("delete", SOURCE, "helmcharts", "default"),
        ("get", "", "configmaps", "default"),
        ("get", "", "secrets", "default"),
        ("impersonate", "", "serviceaccounts", "default"),
        ("create", "", "events", "default"),
        ("update", "coordination.k8s.io", "leases", installed.namespace),
    ]
    refused = [
        *anything,
        ("patch", SOURCE, "ocirepositories", "default"),
        ("patch", KUSTOMIZE, "kustomizations", "default"),
        ("impersonate", "", "users", ""),
    ]
    may(installed, "helm-controller", [*needed, *refused], needed)


def test_people_who_may_view_see_the_objects_of_the_suite(installed):
    role = installed.kubectl(
        "get", "clusterrole", f"source-controller-view-{installed.namespace}", "-o", "jsonpath={.rules}"
    )
    assert SOURCE in role


def test_notification_controller_may_read_what_it_tells_and_ask_for_reconciliations(installed):
    notification = "notification.toolkit.fluxcd.io"
    needed = [
        *(
            (verb, notification, resource, "default")
            for resource in ("alerts", "providers", "receivers")
            for verb in ("get", "list", "watch", "patch")
        ),
        ("patch", notification, "receivers/status", "default"),
        ("watch", "", "secrets", ""),
        ("get", "", "secrets", "default"),
        *(
            (verb, group, resource, "default")
            for group, resource in (
                (SOURCE, "gitrepositories"),
                (SOURCE, "externalartifacts"),
                ("source.extensions.fluxcd.io", "artifactgenerators"),
                (KUSTOMIZE, "kustomizations"),
                (HELM, "helmreleases"),
                ("image.toolkit.fluxcd.io", "imagerepositories"),
            )
            for verb in ("get", "list", "patch")
        ),
        ("create", "", "events", "default"),
        ("get", "", "serviceaccounts", "default"),
        ("create", "", "serviceaccounts/token", "default"),
        ("update", "coordination.k8s.io", "leases", installed.namespace),
    ]
    refused = [
        ("create", notification, "providers", "default"),
        ("delete", notification, "alerts", "default"),
        ("update", "", "secrets", "default"),
        ("get", "", "configmaps", "default"),
        ("watch", KUSTOMIZE, "kustomizations", ""),
        ("delete", SOURCE, "gitrepositories", "default"),
        ("patch", SOURCE, "gitrepositories/status", "default"),
        ("patch", "apps", "deployments", "default"),
        ("impersonate", "", "serviceaccounts", "default"),
        ("update", "coordination.k8s.io", "leases", "default"),
    ]
    may(installed, "notification-controller", [*needed, *refused], needed)
