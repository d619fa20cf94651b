"""Two real API servers: controllers work in the first and lead to the second."""

import base64
import json

import pytest

from localcluster import Cluster
from shared.testing.flux import Flux
from shared.testing.helm import Releases
from shared.testing.other_cluster import OtherCluster
from shared.testing.tls import Authority

AUDIENCE = "other-cluster"


@pytest.fixture(scope="session")
def client_authority():
    """Signs client certificates that the other cluster takes."""
    return Authority()


@pytest.fixture(scope="session")
def other_cluster(cluster, client_authority, tmp_path_factory):
    """The second one: it knows accounts of the first by their tokens, and has no controllers."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "clients.pem").write_bytes(client_authority.pem)
    cluster.kubectl(
        "create",
        "clusterrolebinding",
        "issuer-discovery",
        "--clusterrole=system:service-account-issuer-discovery",
        "--group=system:unauthenticated",
    )
    (folder / "authentication.json").write_text(json.dumps(trust_in(cluster)))
    flags = [
        f"--client-ca-file={folder / 'clients.pem'}",
        f"--authentication-config={folder / 'authentication.json'}",
    ]
    with Cluster(manager=False, issuer="https://other.default.svc", api_flags=flags) as other:
        yield other


def trust_in(cluster):
    """An authentication configuration that takes tokens of accounts of a cluster."""
    entry = json.loads(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    issuer = {
        "url": "https://kubernetes.default.svc",
        "discoveryURL": f"{cluster.server}/.well-known/openid-configuration",
        "certificateAuthority": base64.b64decode(entry["certificate-authority-data"]).decode(),
        "audiences": [AUDIENCE],
    }
    mappings = {"username": {"claim": "sub", "prefix": "first:"}}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1beta1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{"issuer": issuer, "claimMappings": mappings}],
    }


@pytest.fixture
async def other(other_cluster, namespace):
    async with OtherCluster.connected(other_cluster, namespace) as other:
        yield other


@pytest.fixture
async def flux(cluster, namespace, artifacts, suite, kustomize_controller):
    async with Flux.connected(cluster.kubeconfig, namespace, artifacts, suite, kustomize_controller) as flux:
        yield flux


@pytest.fixture
async def releases(cluster, namespace, artifacts, suite, helm_controller):
    async with Releases.connected(
        cluster.kubeconfig, namespace, artifacts, suite, helm_controller
    ) as releases:
        yield releases
