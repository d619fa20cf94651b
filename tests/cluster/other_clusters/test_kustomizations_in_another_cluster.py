"""Applied there, watched there, pruned there; status, events and references stay here."""

from shared.testing.flux import KUSTOMIZATION
from shared.testing.other_cluster import secret_of

BY_SECRET = {"secretRef": {"name": "other"}}


async def test_objects_live_in_the_other_cluster_alone_until_they_are_pruned(flux, other, config_map):
    await flux.create(secret_of(other.kubeconfig()))
    await flux.publish(config_map("a"), config_map("b"))
    await flux.kustomization(kubeConfig=BY_SECRET)
    app = await flux.ready()
    assert flux.inventory(app) == [flux.id_of("ConfigMap", "a"), flux.id_of("ConfigMap", "b")]
    assert (await other.names(), await flux.names()) == (["a", "b"], [])
    await flux.publish(config_map("b"))
    await flux.ready()
    assert await other.names() == ["b"]
    await flux.remove()
    assert await other.names() == []


async def test_drift_in_the_other_cluster_is_put_right(flux, other, config_map):
    await flux.create(secret_of(other.kubeconfig()))
    await flux.publish(config_map("a", k="wanted"))
    await flux.kustomization(kubeConfig=BY_SECRET)
    await flux.ready()
    await other.edit("ConfigMap", "a", {"data": {"k": "drifted"}})
    await flux.reconcile_until("ConfigMap", "a", lambda obj: obj["data"] == {"k": "wanted"}, other)


async def test_health_is_watched_where_the_objects_are(flux, other):
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": "web:1"}]},
            },
        },
    }
    await flux.create(secret_of(other.kubeconfig()))
    await flux.publish(deployment)
    await flux.kustomization(kubeConfig=BY_SECRET, wait=True, timeout="1m")
    await flux.progress("Running health checks")
    live = await other.live("Deployment.apps", "web")
    status = {
        "observedGeneration": live["metadata"]["generation"],
        "conditions": [
            {"type": "Available", "status": "True"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    }
    await other.edit("Deployment.apps", "web", {"status": status}, "deployment-controller", "status")
    app = await flux.ready()
    assert flux.condition(app, "Healthy")["status"] == "True"


async def test_deletion_waits_for_a_way_into_the_cluster(flux, other, config_map):
    secret = secret_of(other.kubeconfig())
    await flux.create(secret)
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_SECRET)
    await flux.ready()
    await flux.delete("Secret", "other")
    await flux.delete(KUSTOMIZATION, "app")
    await flux.fails("PruneFailed", f"unable to read KubeConfig secret '{flux.namespace}/other'")
    assert await other.names() == ["a"]
    await flux.create(secret)
    await flux.gone(KUSTOMIZATION, "app")
    assert await other.names() == []


async def test_accounts_are_impersonated_in_the_other_cluster(flux, other, config_map):
    there = other.cluster.kubectl
    there("create", "serviceaccount", "tenant", "-n", other.namespace)
    await flux.create(secret_of(other.kubeconfig()))
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_SECRET, serviceAccountName="tenant")
    await flux.fails("ReconciliationFailed", f'User "system:serviceaccount:{other.namespace}:tenant" cannot')
    there("create", "role", "tenant", "-n", other.namespace, "--verb=*", "--resource=configmaps")
    account = f"--serviceaccount={other.namespace}:tenant"
    there("create", "rolebinding", "tenant", "-n", other.namespace, "--role=tenant", account)
    await flux.ready()
    assert await other.names() == ["a"]
    await flux.remove()
    assert await other.names() == []


async def test_objects_stay_when_their_account_is_gone_from_the_other_cluster(flux, other, config_map):
    there = other.cluster.kubectl
    there("create", "serviceaccount", "tenant", "-n", other.namespace)
    there("create", "role", "tenant", "-n", other.namespace, "--verb=*", "--resource=configmaps")
    account = f"--serviceaccount={other.namespace}:tenant"
    there("create", "rolebinding", "tenant", "-n", other.namespace, "--role=tenant", account)
    await flux.create(secret_of(other.kubeconfig()))
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_SECRET, serviceAccountName="tenant")
    await flux.ready()
    there("delete", "serviceaccount", "tenant", "-n", other.namespace)
    await flux.remove()
    await flux.event("unable to prune objects")
    assert await other.names() == ["a"]


async def test_a_replaced_kubeconfig_is_used_at_once(flux, other, config_map):
    wrong = other.kubeconfig(user={"token": "not-a-token"})
    await flux.create(secret_of(wrong))
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_SECRET, retryInterval="1h")
    failed = await flux.fails("ReconciliationFailed", "refuses the credentials")
    assert failed["status"]["lastAttemptedRevision"]
    await flux.edit("Secret", "other", {"stringData": {"value": other.kubeconfig_text()}})
    await flux.ready()
    assert await other.names() == ["a"]
