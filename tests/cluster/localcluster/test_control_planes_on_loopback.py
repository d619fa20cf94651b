"""The control plane itself: who may talk to it, and what is left when its owner goes."""

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from localcluster import Cluster, ClusterError
from localcluster.component import Identity
from localcluster.state import State, sweep

ROOT = Path(__file__).parents[3]
OWNER = """
import signal, sys
from localcluster import Cluster
cluster = Cluster()
cluster.start()
print(cluster.folder, flush=True)
signal.pause()
"""


def ask(cluster, path, token, context):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(cluster.server + path, headers=headers)
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def config(cluster):
    return json.loads(Path(cluster.kubeconfig).read_text())


def test_the_certificate_of_the_kubeconfig_is_the_servers(cluster):
    (entry,) = config(cluster)["clusters"]
    assert "insecure-skip-tls-verify" not in entry["cluster"]
    assert entry["cluster"]["certificate-authority-data"]
    assert b"etcd" in cluster.get("/readyz?verbose")


def test_a_client_that_trusts_others_does_not_connect(cluster):
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(cluster, "/readyz", "", ssl.create_default_context())


@pytest.mark.parametrize(("token", "code"), [("wrong", 401), ("", 403)])
def test_without_the_right_token_nothing_is_told(cluster, token, code):
    assert ask(cluster, "/api/v1/secrets", token, cluster._tls()) == code


def test_the_token_of_the_kubeconfig_is_an_administrators(cluster):
    (user,) = config(cluster)["users"]
    assert ask(cluster, "/api/v1/secrets", user["user"]["token"], cluster._tls()) == 200


def test_files_with_secrets_are_for_their_owner_alone(cluster):
    for name in ("kubeconfig", "sa.key", "tokens.csv"):
        assert (cluster.folder / name).stat().st_mode & 0o077 == 0, name
    assert cluster.folder.stat().st_mode & 0o077 == 0


def test_no_secret_is_in_a_command_line(cluster):
    (user,) = config(cluster)["users"]
    for identity in State.load(cluster.folder).components.values():
        command = Path(f"/proc/{identity.pid}/cmdline").read_bytes()
        assert command
        assert user["user"]["token"].encode() not in command


def test_an_account_has_its_own_rights_and_no_more(cluster, namespace):
    cluster.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    cluster.kubectl("create", "role", "reader", "-n", namespace, "--verb=get,list", "--resource=configmaps")
    account = f"--serviceaccount={namespace}:reader"
    cluster.kubectl("create", "rolebinding", "reader", "-n", namespace, "--role=reader", account)
    kubeconfig = cluster.kubeconfig_for(namespace, "reader")
    base = ("--kubeconfig", str(kubeconfig), "-n", namespace)
    assert "kube-root-ca.crt" in cluster.kubectl(*base, "get", "configmaps", "-o", "name")
    with pytest.raises(ClusterError, match="cannot list resource"):
        cluster.kubectl(*base, "get", "secrets")
    assert kubeconfig.stat().st_mode & 0o077 == 0


def test_another_cluster_beside_it_is_its_own_and_clears_what_a_killed_owner_left(
    cluster, namespace, tmp_path, monkeypatch
):
    # Where no other process looks for what was left.
    monkeypatch.setattr("localcluster.state.tempfile.gettempdir", lambda: str(tmp_path))
    command, environ = [sys.executable, "-c", OWNER], os.environ | {"TMPDIR": str(tmp_path)}
    owner = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
    folder = Path(owner.stdout.readline().strip())
    left = State.load(folder)
    assert left.owner == Identity.of(owner.pid)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert all(component.alive for component in left.components.values())
    with Cluster() as other:
        assert not any(component.alive for component in left.components.values())
        assert not folder.exists()
        assert other.server != cluster.server
        assert namespace not in other.kubectl("get", "namespaces", "-o", "name")
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(other, "/readyz", "", cluster._tls())
        assert ask(other, "/api", config(cluster)["users"][0]["user"]["token"], other._tls()) == 401
        components = State.load(other.folder).components
        other.stop_component("kube-apiserver")
        with pytest.raises(OSError, match="refused"):
            other.get("/readyz")
        other.start_component("kube-apiserver")
        assert other.get("/readyz") == b"ok"
        assert other.usage().keys() == components.keys()
        assert all(usage.resident > 0 for usage in other.usage().values())
        rest = State.load(other.folder)
    assert not any(component.alive for component in rest.components.values())
    assert not other.folder.exists()
    assert cluster.get("/readyz") == b"ok"


def test_sweeping_leaves_running_clusters_alone(cluster):
    assert cluster.folder not in sweep()
    assert cluster.get("/readyz") == b"ok"
    assert os.path.lexists(cluster.kubeconfig)
