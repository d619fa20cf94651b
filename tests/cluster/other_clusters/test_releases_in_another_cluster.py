"""Records, objects, hooks and look-ups of a release are in the cluster that its HelmRelease leads to."""

import asyncio
import base64
import gzip
import json

from shared.testing.faulty_api import FaultyApi, Hold, Rule
from shared.testing.helm import HELM_RELEASE
from shared.testing.other_cluster import secret_of
from shared.testing.proxy import ForwardProxy

BY_SECRET = {"secretRef": {"name": "other"}}
CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
data:
  greeting: {{ .Values.greeting | default "hello" | quote }}
"""
LOOKUP = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-seen
data:
  seen: {{ (lookup "v1" "ConfigMap" .Release.Namespace "seed").data.where }}
"""
HOOK = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {"helm.sh/hook": pre-install}
"""


def seed(where):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seed"}, "data": {"where": where}}


async def records(other, name="app"):
    secrets = await other.client.list(
        await other.resource("Secret"), other.namespace, label_selector=f"owner=helm,name={name}"
    )
    found = [
        json.loads(gzip.decompress(base64.b64decode(base64.b64decode(item["data"]["release"]))))
        for item in secrets["items"]
    ]
    return sorted(found, key=lambda record: record["version"])


async def test_a_release_lives_in_the_other_cluster_alone_until_it_is_uninstalled(releases, other):
    await releases.create(seed("first cluster"))
    await other.create(seed("other cluster"))
    await releases.create(secret_of(other.kubeconfig()))
    await releases.chart({"config.yaml": CONFIG_MAP, "hook.yaml": HOOK, "lookup.yaml": LOOKUP})
    await releases.release(kubeConfig=BY_SECRET)
    await releases.ready(reason="InstallSucceeded")
    assert (await other.live("ConfigMap", "app-seen"))["data"]["seen"] == "other cluster"
    assert await releases.names() == ["seed"]
    assert await other.names() == ["app-config", "app-hook", "app-seen", "seed"]
    assert [record["info"]["status"] for record in await records(other)] == ["deployed"]
    assert await releases.records() == []
    await releases.change(values={"greeting": "hi"})
    await releases.upgraded(2)
    assert (await other.live("ConfigMap", "app-config"))["data"]["greeting"] == "hi"
    await releases.remove()
    assert await other.names() == ["app-hook", "seed"]
    assert await records(other) == []


async def test_drift_in_the_other_cluster_is_put_right(releases, other):
    await releases.create(secret_of(other.kubeconfig()))
    await releases.chart({"config.yaml": CONFIG_MAP})
    await releases.release(kubeConfig=BY_SECRET, driftDetection={"mode": "enabled"})
    await releases.ready()
    await other.edit("ConfigMap", "app-config", {"data": {"greeting": "drifted"}})
    await releases.reconcile()
    assert (await other.live("ConfigMap", "app-config"))["data"]["greeting"] == "hello"


async def test_an_account_of_the_other_cluster_renders_and_applies(releases, other):
    there = other.cluster.kubectl
    there("create", "serviceaccount", "tenant", "-n", other.namespace)
    account = f"--serviceaccount={other.namespace}:tenant"
    there("create", "rolebinding", "tenant", "-n", other.namespace, "--clusterrole=cluster-admin", account)
    await releases.create(secret_of(other.kubeconfig()))
    await releases.chart({"config.yaml": CONFIG_MAP})
    await releases.release(kubeConfig=BY_SECRET, serviceAccountName="tenant")
    await releases.ready()
    assert "app-config" in await other.names()


async def test_without_a_kubeconfig_nothing_is_done_and_deletion_skips_the_uninstallation(releases, other):
    await releases.create(secret_of(other.kubeconfig()))
    await releases.chart({"config.yaml": CONFIG_MAP})
    await releases.release(kubeConfig=BY_SECRET)
    await releases.ready()
    await releases.delete("Secret", "other")
    await releases.fails("RESTClientError", f"unable to read KubeConfig secret '{releases.namespace}/other'")
    await releases.delete(HELM_RELEASE, "app")
    await releases.gone(HELM_RELEASE, "app")
    assert await other.names() == ["app-config"]
    assert len(await records(other)) == 1


async def test_deletion_waits_while_the_cluster_can_not_be_worked_in(releases, other):
    await releases.create(secret_of(other.kubeconfig()))
    await releases.chart({"config.yaml": CONFIG_MAP})
    await releases.release(kubeConfig=BY_SECRET)
    await releases.ready()
    wrong = secret_of(other.kubeconfig(user={"token": "revoked"}))["stringData"]
    await releases.edit("Secret", "other", {"stringData": wrong})
    await releases.fails("RESTClientError", "refuses the credentials")
    await releases.delete(HELM_RELEASE, "app")
    await releases.fails("UninstallFailed", "to leave the release there, suspend the HelmRelease")
    assert await other.names() == ["app-config"]
    await releases.edit("Secret", "other", {"stringData": {"value": other.kubeconfig_text()}})
    await releases.gone(HELM_RELEASE, "app")
    assert await other.names() == []


async def reaches(releases, other, kube_config):
    await other.create(seed("other cluster"))
    await releases.chart({"lookup.yaml": LOOKUP})
    await releases.release(kubeConfig=kube_config)
    await releases.ready()
    assert (await other.live("ConfigMap", "app-seen"))["data"]["seen"] == "other cluster"
    await releases.remove()
    assert await other.names() == ["seed"]


async def test_helm_gets_there_by_certificate_and_proxy(releases, other, client_authority):
    name = f"helm-{other.namespace}"
    other.cluster.kubectl(
        "create", "clusterrolebinding", name, "--clusterrole=cluster-admin", f"--user={name}"
    )
    pair = client_authority.client(name)
    encoded = {"client-certificate-data": pair.certificate, "client-key-data": pair.key}
    user = {key: base64.b64encode(data).decode() for key, data in encoded.items()}
    async with ForwardProxy("socks5", login=("me", "p4ss")) as proxy:
        address = proxy.url.replace("://", "://me:p4ss@")
        config = other.kubeconfig(user=user, proxy_url=address, tls_server_name="kubernetes.default.svc")
        await releases.create(secret_of(config))
        await reaches(releases, other, BY_SECRET)
        assert proxy.refused == 0
        assert len(proxy.targets) > 1  # the controller, and helm


async def test_helm_gets_there_by_an_identity(releases, other):
    user = "--user=first:system:serviceaccount:flux-system:helm-controller"
    other.cluster.kubectl(
        "create", "clusterrolebinding", "helm-controller", "--clusterrole=cluster-admin", user
    )
    data = {
        "provider": "generic",
        "address": other.cluster.server,
        "ca.crt": other.authority.decode(),
        "audiences": "other-cluster",
    }
    await releases.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}, "data": data}
    )
    await reaches(releases, other, {"configMapRef": {"name": "other"}})


async def test_a_cluster_that_does_not_answer_helm_holds_up_nobody_else(releases, other, tmp_path):
    with FaultyApi(other.cluster.kubeconfig, tmp_path) as api:
        through = json.loads(api.kubeconfig(other.cluster.kubeconfig).read_text())
        await releases.create(secret_of(through))
        await releases.chart({"config.yaml": CONFIG_MAP})
        held = Rule("GET", "^/(apis|version)$", Hold(forward=False))
        api.disturb(held)
        stuck = [f"stuck-{number}" for number in range(4)]
        for name in stuck:
            await releases.release(name, kubeConfig=BY_SECRET)
        await asyncio.to_thread(api.wait, lambda: len(held.hits) > 1)
        await releases.release("here")
        await releases.ready("here")
        for name in stuck:
            assert releases.condition(await releases.live(HELM_RELEASE, name), "Ready")["status"] != "True"
        api.heal()
        await asyncio.to_thread(api.away)
        await asyncio.to_thread(api.back)
        for name in stuck:
            await releases.ready(name, seconds=40)
