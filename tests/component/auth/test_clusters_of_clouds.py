"""Clusters that clouds manage, from services on loopback that answer as theirs do."""

import base64
import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from shared.auth.cloud import CloudError, Clouds, User
from shared.auth.cloud.clusters import ManagedClusters
from shared.auth.cloud.gcp import Gcp
from shared.auth.remote import ClusterIdentities, Description
from shared.auth.remote.description import Provider
from shared.testing.clouds import CloudServer

USER = User("Kustomization", "team", "app", "fetch_kubeconfig")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ARN = "arn:aws:eks:eu-west-1:123456789012:cluster/prod"
AKS = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/team/providers"
    "/Microsoft.ContainerService/managedClusters/prod"
)
GKE = "projects/team/locations/europe-west1/clusters/prod"
PEM = base64.b64encode(b"authority").decode()
STS_ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKID</AccessKeyId>
<SecretAccessKey>h1dden</SecretAccessKey><SessionToken>ses/sion</SessionToken>
<Expiration>2026-01-02T04:04:05Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""
ANNOTATIONS = {
    "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/deployer",
    "azure.workload.identity/client-id": "client",
    "azure.workload.identity/tenant-id": "tenant",
    "gcp.auth.fluxcd.io/workload-identity-provider": (
        "projects/1/locations/global/workloadIdentityPools/pool/providers/provider"
    ),
}


class FixedClock:
    def now(self):
        return NOW

    def monotonic(self):
        return 0.0


class Api:
    """An API server that knows one ServiceAccount and gives tokens of it."""

    def __init__(self):
        self.audiences = []

    async def get(self, resource, namespace, name):
        return {"metadata": {"namespace": namespace, "name": name, "annotations": ANNOTATIONS}}

    async def create_sub(self, resource, namespace, name, subresource, obj):
        self.audiences.append(obj["spec"]["audiences"])
        ends = (NOW + timedelta(hours=1)).isoformat()
        return {"status": {"token": f"token-of-{name}", "expirationTimestamp": ends}}

    async def create(self, resource, obj):
        assert resource.plural == "selfsubjectreviews"
        return {"status": {"userInfo": {"username": "system:serviceaccount:flux-system:controller"}}}


@pytest.fixture
async def server():
    async with CloudServer() as server:
        yield server


@pytest.fixture
def api():
    return Api()


@pytest.fixture
async def identities(server, api, tmp_path):
    """Of accounts that stand for something in each cloud."""
    known = {"resourceManagerEndpoint": server.address, "containerRegistryDNSSuffix": "azurecr.io"}
    (tmp_path / "azure.json").write_text(json.dumps(known))
    environment = {
        "AWS_ENDPOINT_URL": server.address,
        "AZURE_AUTHORITY_HOST": server.address,
        "AZURE_ENVIRONMENT_FILEPATH": str(tmp_path / "azure.json"),
    }
    async with aiohttp.ClientSession() as session:
        clock = FixedClock()
        clouds = Clouds(session, api, clock, environment=environment)
        clouds.gcp = Gcp(clouds._asker, clock, environment, sts=f"{server.address}/sts")
        clouds.clusters = ManagedClusters(
            clouds._asker, clock, clouds.aws, clouds.azure, environment, gke=f"{server.address}/v1/"
        )
        yield ClusterIdentities(clouds, clock, object_level=True)


def described(provider, cluster="", **more):
    return Description(provider, cluster, account="deployer", **more)


async def token_of(login):
    return (await login.headers())["Authorization"].removeprefix("Bearer ")


async def test_a_cluster_of_aws_is_described_and_gets_a_signed_request_as_token(server, identities):
    server.answer("POST", "/", STS_ANSWER)
    server.answer(
        "GET",
        "/clusters/prod",
        {"cluster": {"endpoint": "https://PROD.eks.test", "certificateAuthority": {"data": PEM}}},
    )
    target, login = await identities.find(described(Provider.AWS, ARN), USER)
    assert (target.server, target.tls.authorities) == ("https://prod.eks.test:443", b"authority")
    (asked,) = server.asked("/clusters/prod")
    keys = Credentials("AKID", "h1dden", "ses/sion")
    request = AWSRequest("GET", f"{server.address}/clusters/prod", headers={"host": asked.headers["host"]})
    request.context["timestamp"] = asked.headers["x-amz-date"]
    request.headers["X-Amz-Date"] = asked.headers["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = "ses/sion"
    signer = SigV4Auth(keys, "eks", "eu-west-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert asked.headers["authorization"].endswith(f"Signature={signer.signature(text, request)}")

    token = await token_of(login)
    prefix, _, encoded = token.partition("k8s-aws-v1.")
    signed = URL(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode(), encoded=True)
    assert prefix == ""
    assert signed.query["Action"] == "GetCallerIdentity"
    assert signed.query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert signed.query["X-Amz-Expires"] == "900"
    assert signed.query["X-Amz-Signature"] == presigned_by_botocore(signed, keys)


def presigned_by_botocore(signed, keys):
    query = signed.raw_query_string.rpartition("&X-Amz-Signature=")[0]
    request = AWSRequest("GET", str(signed.with_query(None)), headers={"x-k8s-aws-id": "prod"})
    request.url = f"{signed.origin()}/?{query}"
    request.context["timestamp"] = signed.query["X-Amz-Date"]
    signer = SigV4QueryAuth(keys, "sts", "eu-west-1", expires=900)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return signer.signature(text, request)


async def test_what_is_known_of_a_cluster_of_aws_is_not_asked_for(server, identities):
    server.answer("POST", "/", STS_ANSWER)
    known = described(Provider.AWS, ARN, address="https://prod", authorities="pem")
    target, login = await identities.find(known, USER)
    assert (target.server, target.tls.authorities) == ("https://prod:443", b"pem")
    assert (await token_of(login)).startswith("k8s-aws-v1.")
    assert server.asked("/clusters/prod") == []


def kubeconfig(server):
    config = {"clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": PEM}}]}
    return {"name": "c", "value": base64.b64encode(json.dumps(config).encode()).decode()}


@pytest.mark.parametrize(
    ("address", "want"),
    [("", "https://one.azk8s.test:443"), ("two.azk8s.test", "https://two.azk8s.test:443")],
)
async def test_a_cluster_of_azure_is_described(server, identities, address, want):
    server.answer("POST", "/tenant/oauth2/v2.0/token", {"access_token": "t0ken", "expires_in": 3600})
    server.answer("GET", AKS, {"properties": {"aadProfile": {"managed": True}}})
    ways = [kubeconfig("https://one.azk8s.test"), kubeconfig("https://TWO.azk8s.test:443")]
    server.answer("POST", f"{AKS}/listClusterUserCredential", {"kubeconfigs": ways})
    target, login = await identities.find(described(Provider.AZURE, AKS, address=address), USER)
    assert (target.server, target.tls.authorities) == (want, b"authority")
    assert await token_of(login) == "t0ken"
    scopes = [request.form["scope"] for request in server.asked("/tenant/oauth2/v2.0/token")]
    assert scopes == [f"{server.address}/.default", "6dae42f8-4368-4678-94ff-3960e28e3630/.default"]
    assert server.asked(AKS)[0].headers["authorization"] == "Bearer t0ken"


async def test_a_cluster_of_azure_needs_entra_and_the_address(server, identities):
    server.answer("POST", "/tenant/oauth2/v2.0/token", {"access_token": "t0ken", "expires_in": 3600})
    server.answer("GET", AKS, {"properties": {}})
    with pytest.raises(CloudError, match="does not have Microsoft Entra ID integration enabled"):
        await identities.find(described(Provider.AZURE, AKS), USER)
    server.answer("GET", AKS, {"properties": {"aadProfile": {"managed": True}}})
    ways = [kubeconfig("https://one.azk8s.test")]
    server.answer("POST", f"{AKS}/listClusterUserCredential", {"kubeconfigs": ways})
    with pytest.raises(CloudError, match=r"has no address 'https://two', but \['https://one.azk8s.test'\]"):
        await identities.find(described(Provider.AZURE, AKS, address="https://two"), USER)


async def test_a_cluster_of_google_is_described(server, identities):
    server.answer("POST", "/sts", {"access_token": "t0ken", "expires_in": 3600})
    server.answer("GET", f"/v1/{GKE}", {"endpoint": "34.1.2.3", "masterAuth": {"clusterCaCertificate": PEM}})
    target, login = await identities.find(described(Provider.GCP, GKE), USER)
    assert (target.server, target.tls.authorities) == ("https://34.1.2.3:443", b"authority")
    assert await token_of(login) == "t0ken"


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        (Provider.AWS, "invalid EKS cluster ARN: 'prod'"),
        (Provider.AZURE, "invalid AKS cluster ID: 'prod'"),
        (Provider.GCP, "invalid GKE cluster ID: 'prod'"),
    ],
)
async def test_names_that_are_none_are_refused(server, identities, provider, text):
    server.answer("POST", "/tenant/oauth2/v2.0/token", {"access_token": "t0ken", "expires_in": 3600})
    server.answer("POST", "/sts", {"access_token": "t0ken", "expires_in": 3600})
    with pytest.raises(CloudError, match=text):
        await identities.find(described(provider, "prod"), USER)


@pytest.mark.parametrize("name", ["..", "a?b", "%2e%2e", "a#b", "a b"])
@pytest.mark.parametrize(("provider", "cluster"), [(Provider.AZURE, AKS), (Provider.GCP, GKE)])
@pytest.mark.parametrize("part", ["team", "prod"])
async def test_no_part_of_a_name_leads_elsewhere(server, identities, provider, cluster, part, name):
    server.answer("POST", "/tenant/oauth2/v2.0/token", {"access_token": "t0ken", "expires_in": 3600})
    server.answer("POST", "/sts", {"access_token": "t0ken", "expires_in": 3600})
    with pytest.raises(CloudError, match="cluster ID"):
        await identities.find(described(provider, cluster.replace(part, name)), USER)


@pytest.mark.parametrize(
    "answer",
    [
        {"cluster": {"endpoint": "https://prod"}},
        {"cluster": {"certificateAuthority": {"data": PEM}}},
        {"cluster": {"endpoint": "https://p", "certificateAuthority": {"data": "!"}}},
        {"cluster": []},
        403,
    ],
)
async def test_half_a_description_is_none(server, identities, answer):
    server.answer("POST", "/", STS_ANSWER)
    server.answer("GET", "/clusters/prod", answer)
    with pytest.raises(CloudError):
        await identities.find(described(Provider.AWS, ARN), USER)


async def test_tokens_without_a_cloud_are_for_the_address_or_for_audiences(api, identities):
    known = {"address": "https://prod", "authorities": "pem"}
    _, login = await identities.find(described(Provider.GENERIC, **known), USER)
    assert await token_of(login) == "token-of-deployer"
    _, login = await identities.find(described(Provider.GENERIC, audiences=("a", "b"), **known), USER)
    await token_of(login)
    _, login = await identities.find(Description(Provider.GENERIC, **known), USER)
    assert await token_of(login) == "token-of-controller"
    assert api.audiences == [["https://prod"], ["a", "b"], ["https://prod"]]


async def test_a_token_that_was_refused_is_not_given_again(api, identities):
    known = described(Provider.GENERIC, address="https://prod", authorities="pem")
    _, login = await identities.find(known, USER)
    _, other = await identities.find(known, USER)
    await token_of(login)
    await token_of(other)
    assert len(api.audiences) == 1
    login.refused()
    await token_of(login)
    assert len(api.audiences) == 2
