"""How a Secret or a ConfigMap leads to a cluster, and what is refused."""

import base64
import json
import os

import pytest

from shared.testing.flux import KUSTOMIZATION
from shared.testing.other_cluster import secret_of
from shared.testing.proxy import ForwardProxy
from shared.testing.tls import Authority

BY_SECRET = {"secretRef": {"name": "other"}}
BY_CONFIG_MAP = {"configMapRef": {"name": "other"}}
EXEC_CREDENTIAL = "client.authentication.k8s.io/v1"


def pem(data):
    return base64.b64encode(data).decode()


def certificate_of(pair):
    return {"client-certificate-data": pem(pair.certificate), "client-key-data": pem(pair.key)}


async def leads_there(flux, other, config_map, secret, kube_config=BY_SECRET, **spec):
    await flux.create(secret)
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=kube_config, **spec)
    await flux.ready()
    assert await other.names() == ["a"]


async def refused(flux, config_map, secret, text, kube_config=BY_SECRET, **spec):
    await flux.create(secret)
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=kube_config, **spec)
    app = await flux.fails("ReconciliationFailed", text)
    assert set(await flux.names()) <= {"other"}
    return flux.condition(app, "Ready")["message"]


# Keys of the Secret


@pytest.mark.parametrize(
    ("key", "reference"),
    [("value.yaml", {}), ("admin.conf", {"key": "admin.conf"})],
)
async def test_the_kubeconfig_is_found_by_its_key(flux, other, config_map, key, reference):
    secret = secret_of(other.kubeconfig(), key=key)
    await leads_there(flux, other, config_map, secret, {"secretRef": {"name": "other"} | reference})


async def test_value_wins_over_value_yaml(flux, other, config_map):
    secret = secret_of(other.kubeconfig())
    secret["stringData"]["value.yaml"] = "no kubeconfig"
    await leads_there(flux, other, config_map, secret)


@pytest.mark.parametrize(
    ("reference", "missing"), [({}, "'value' key"), ({"key": "admin.conf"}, "'admin.conf' key")]
)
async def test_a_key_that_is_missing_is_named(flux, other, config_map, reference, missing):
    secret = secret_of(other.kubeconfig(), key="other")
    text = f"KubeConfig secret '{flux.namespace}/other' does not contain a {missing} with a kubeconfig"
    await refused(flux, config_map, secret, text, {"secretRef": {"name": "other"} | reference})


async def test_a_text_that_is_no_kubeconfig_is_refused_without_being_repeated(flux, config_map):
    secret = secret_of("apiVersion: v1\nhush: [never, told\n")
    message = await refused(flux, config_map, secret, "key 'value', can't be used: it is no YAML")
    assert "never" not in message


# Who logs in


async def test_a_client_certificate_logs_in(flux, other, config_map, client_authority):
    there = other.cluster.kubectl
    user = f"pair-{other.namespace}"
    there("create", "clusterrolebinding", user, "--clusterrole=cluster-admin", f"--user={user}")
    config = other.kubeconfig(user=certificate_of(client_authority.client(user)))
    await leads_there(flux, other, config_map, secret_of(config))


async def test_a_token_of_an_account_logs_in_with_the_rights_of_the_account(flux, other, config_map):
    there = other.cluster.kubectl
    there("create", "serviceaccount", "deployer", "-n", other.namespace)
    account = f"--serviceaccount={other.namespace}:deployer"
    there("create", "rolebinding", "d", "-n", other.namespace, "--clusterrole=cluster-admin", account)
    config = other.kubeconfig(user={"token": other.token("deployer")})
    await leads_there(flux, other, config_map, secret_of(config))


def plugin(tmp_path, status):
    """A kubeconfig user whose command leaves a mark and answers with the status."""
    mark = tmp_path / "was-run"
    answer = json.dumps({"apiVersion": EXEC_CREDENTIAL, "kind": "ExecCredential", "status": status})
    script = f"echo \"$KUBERNETES_EXEC_INFO\" > {mark}; echo '{answer}'"
    command = {
        "apiVersion": EXEC_CREDENTIAL,
        "command": "sh",
        "args": ["-c", script],
        "provideClusterInfo": True,
    }
    return {"exec": command | {"interactiveMode": "Never"}}, mark


def admin_token(other):
    return other.kubeconfig()["users"][0]["user"]["token"]


@pytest.mark.case("runtime-39")
async def test_commands_of_a_kubeconfig_run_only_where_it_is_allowed(flux, other, config_map, tmp_path):
    user, mark = plugin(tmp_path, {"token": admin_token(other)})
    message = await refused(
        flux, config_map, secret_of(other.kubeconfig(user=user)), "--insecure-kubeconfig-exec"
    )
    assert f"secret '{flux.namespace}/other', key 'value'" in message
    assert not mark.exists()
    with flux.own("--insecure-kubeconfig-exec"):
        await flux.edit(KUSTOMIZATION, "app", {"metadata": {"labels": flux.mine}})
        await flux.ready()
        assert await other.names() == ["a"]
        told = json.loads(mark.read_text())
        assert told["spec"]["cluster"]["server"] == other.cluster.server
        assert admin_token(other) not in flux.process.log.read_text()
        await flux.remove()


async def test_a_command_may_give_a_certificate_or_fail(flux, other, config_map, client_authority, tmp_path):
    there = other.cluster.kubectl
    name = f"exec-{other.namespace}"
    there("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", f"--user={name}")
    pair = client_authority.client(name)
    status = {"clientCertificateData": pair.certificate.decode(), "clientKeyData": pair.key.decode()}
    (tmp_path / "answer.json").write_text(
        json.dumps({"apiVersion": EXEC_CREDENTIAL, "kind": "ExecCredential", "status": status})
    )
    command = {"apiVersion": EXEC_CREDENTIAL, "command": "cat", "args": [str(tmp_path / "answer.json")]}
    broken = {"apiVersion": EXEC_CREDENTIAL, "command": "sh", "args": ["-c", "echo hush >&2; exit 3"]}
    await flux.create(secret_of(other.kubeconfig(user={"exec": command})))
    await flux.create(secret_of(other.kubeconfig(user={"exec": broken}), name="broken"))
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_SECRET, labels=flux.mine)
    await flux.kustomization("broken", kubeConfig={"secretRef": {"name": "broken"}}, labels=flux.mine)
    with flux.own("--insecure-kubeconfig-exec"):
        await flux.ready()
        failed = await flux.fails("ReconciliationFailed", "user.exec: sh failed with exit code 3", "broken")
        assert "hush" not in str(failed["status"])
        await flux.remove()


# Whom to trust


async def test_a_certificate_of_somebody_else_is_not_trusted(flux, other, config_map):
    config = other.kubeconfig(certificate_authority_data=pem(Authority().pem))
    message = await refused(flux, config_map, secret_of(config), "is not trusted")
    assert admin_token(other) not in message


async def test_unchecked_certificates_need_the_leave_of_the_operator(flux, other, config_map):
    config = other.kubeconfig(certificate_authority_data=None, insecure_skip_tls_verify=True)
    await refused(flux, config_map, secret_of(config), "needs the flag --insecure-kubeconfig-tls")
    with flux.own("--insecure-kubeconfig-tls"):
        await flux.edit(KUSTOMIZATION, "app", {"metadata": {"labels": flux.mine}})
        await flux.ready()
        assert await other.names() == ["a"]
        await flux.remove()


async def test_a_file_of_the_machine_is_never_read(flux, other, config_map, tmp_path):
    (tmp_path / "ca.pem").write_bytes(other.authority)
    config = other.kubeconfig(certificate_authority_data=None, certificate_authority=str(tmp_path / "ca.pem"))
    await refused(flux, config_map, secret_of(config), "put its content into certificate-authority-data")


async def test_the_name_in_the_certificate_may_be_another_one(flux, other, config_map):
    config = other.kubeconfig(tls_server_name="kubernetes.default.svc")
    await leads_there(flux, other, config_map, secret_of(config))


async def test_a_name_that_the_certificate_lacks_is_not_trusted(flux, other, config_map):
    config = other.kubeconfig(tls_server_name="somebody.else")
    await refused(flux, config_map, secret_of(config), "is not trusted")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_is_on_the_way(flux, other, config_map, scheme):
    async with ForwardProxy(scheme, login=("me", "p4ss")) as proxy:
        address = proxy.url.replace("://", "://me:p4ss@")
        await leads_there(flux, other, config_map, secret_of(other.kubeconfig(proxy_url=address)))
        assert proxy.targets
        assert proxy.refused == 0


# A ConfigMap and an identity


def description(other, **data):
    content = {
        "provider": "generic",
        "address": other.cluster.server,
        "ca.crt": other.authority.decode(),
        "audiences": "\nother-cluster\n",
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}, "data": content | data}


def may_everything(other, account):
    name = f"first-{os.urandom(4).hex()}"
    user = f"--user=first:system:serviceaccount:{account}"
    other.cluster.kubectl("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", user)


async def test_the_controller_itself_logs_in(flux, other, config_map):
    may_everything(other, "flux-system:kustomize-controller")
    await leads_there(flux, other, config_map, description(other), BY_CONFIG_MAP)


async def test_an_account_of_the_namespace_logs_in_where_the_gate_is_open(flux, other, config_map, cluster):
    cluster.kubectl("create", "serviceaccount", "traveller", "-n", flux.namespace)
    may_everything(other, f"{flux.namespace}:traveller")
    described = description(other, serviceAccountName="traveller")
    await refused(flux, config_map, described, "ObjectLevelWorkloadIdentity", BY_CONFIG_MAP)
    with flux.own("--feature-gates=ObjectLevelWorkloadIdentity=true"):
        await flux.edit(KUSTOMIZATION, "app", {"metadata": {"labels": flux.mine}})
        await flux.ready()
        assert await other.names() == ["a"]
        assert 'operation="fetch_kubeconfig"' in flux.process.metrics()
        await flux.remove()


async def test_the_default_account_logs_in_and_its_absence_is_explained(flux, other, config_map, cluster):
    may_everything(other, f"{flux.namespace}:lockdown")
    await flux.create(description(other))
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_CONFIG_MAP, labels=flux.mine)
    flags = [
        "--feature-gates=ObjectLevelWorkloadIdentity=true",
        "--default-kubeconfig-service-account=lockdown",
    ]
    with flux.own(*flags):
        await flux.fails("ReconciliationFailed", "multi-tenant workload identity lockdown")
        cluster.kubectl("create", "serviceaccount", "lockdown", "-n", flux.namespace)
        await flux.ready()
        assert await other.names() == ["a"]
        await flux.remove()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"provider": "moon"}, "key 'provider' has to be one of aws, azure, gcp, generic"),
        ({"address": ""}, "the key 'address' is missing"),
        ({"address": "http://127.0.0.1"}, "must begin with https://"),
        ({"audiences": "somebody-else"}, "refuses the credentials"),
        ({"ca.crt": "nothing"}, "has no certificates in PEM form"),
    ],
)
async def test_a_description_that_can_not_be_used_says_why(flux, other, config_map, data, text):
    may_everything(other, "flux-system:kustomize-controller")
    message = await refused(flux, config_map, description(other, **data), text, BY_CONFIG_MAP)
    assert f"configmap '{flux.namespace}/other'" in message


async def test_a_description_that_is_missing_is_named(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(kubeConfig=BY_CONFIG_MAP)
    await flux.fails("ReconciliationFailed", f"failed to get configmap '{flux.namespace}/other'")
