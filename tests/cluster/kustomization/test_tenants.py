"""Kustomizations that act as an account of their namespace, with its rights and no others."""

import pytest


@pytest.fixture
async def account(flux):
    """An account that may do everything with ConfigMaps of its namespace."""
    rbac = "rbac.authorization.k8s.io"
    await flux.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant"}})
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    await flux.create(
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "tenant"}, "rules": [rule]}
    )
    await flux.create(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "tenant"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "tenant"},
            "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": flux.namespace}],
        }
    )
    return "tenant"


async def test_what_the_account_may_is_applied_and_pruned(flux, config_map, account):
    await flux.publish(config_map("a"), config_map("b"))
    await flux.kustomization(serviceAccountName=account, wait=True)
    await flux.ready()
    await flux.publish(config_map("a"))
    await flux.ready()
    assert await flux.names() == ["a"]


async def test_what_the_account_may_not_fails_and_names_the_object(flux, config_map, account, deployment):
    await flux.publish(config_map("a"), deployment())
    await flux.kustomization(serviceAccountName=account)
    app = await flux.fails(
        "ReconciliationFailed", f"Deployment/{flux.namespace}/web dry-run failed (Forbidden)"
    )
    message = flux.condition(app, "Ready")["message"]
    assert f"system:serviceaccount:{flux.namespace}:tenant" in message
    assert await flux.live("Deployment.apps", "web") is None
    assert (await flux.event("dry-run failed (Forbidden)"))["type"] == "Warning"


@pytest.mark.case("kustomize-49")
async def test_without_its_account_nothing_can_be_pruned_and_the_kustomization_goes(
    flux, config_map, account
):
    await flux.publish(config_map("a"))
    await flux.kustomization(serviceAccountName=account)
    await flux.ready()
    await flux.delete("ServiceAccount", account)
    await flux.remove()
    assert await flux.names() == ["a"]
    event = await flux.event("unable to prune objects")
    assert (event["type"], event["message"]) == (
        "Warning",
        f"unable to prune objects: \nConfigMap/{flux.namespace}/a",
    )


@pytest.mark.case("runtime-38")
async def test_sources_of_other_namespaces_can_be_forbidden(flux, config_map, cluster):
    elsewhere = {"kind": "GitRepository", "name": "app", "namespace": f"{flux.namespace}-other"}
    await flux.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere["namespace"]}})
    await flux.publish(config_map("a"), namespace=elsewhere["namespace"])
    await flux.kustomization(sourceRef=elsewhere)
    await flux.ready()
    with flux.own("--no-cross-namespace-refs"):
        await flux.kustomization("mine", labels=flux.mine, sourceRef=elsewhere)
        mine = await flux.fails("AccessDenied", name="mine")
        subject = f"GitRepository/{elsewhere['namespace']}/app"
        message = f"can't access '{subject}', cross-namespace references have been blocked"
        assert flux.condition(mine, "Ready")["message"] == message
        assert flux.condition(mine, "Stalled")["reason"] == "AccessDenied"
        await flux.kustomization("waits", labels=flux.mine, sourceRef={"kind": "Bucket", "name": "missing"})
        await flux.turns(3, "waits")
        assert flux.count_of_turns("mine") == 1
    await flux.delete("Namespace", elsewhere["namespace"])
