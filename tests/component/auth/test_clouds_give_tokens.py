"""Tokens of clouds, from services on loopback that answer as theirs do."""

import base64
import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from yarl import URL

from shared.auth import RegistryLogin, TlsMaterial
from shared.auth.cloud import Cloud, CloudError, Clouds, GitHubApp, User
from shared.auth.cloud.azure import Azure
from shared.auth.cloud.gcp import Gcp
from shared.testing.clouds import CloudServer

USER = User("OCIRepository", "team", "app")
ROLE = "arn:aws:iam::123456789012:role/reader"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
STS_ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKID</AccessKeyId>
<SecretAccessKey>h1dden</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>2026-01-02T04:04:05Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


class ManualClock:
    """Time that only goes on when it is told to."""

    def __init__(self):
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.seconds = 0.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.seconds

    def forward(self, delta):
        self.time += delta
        self.seconds += delta.total_seconds()


class Accounts:
    """A client of the API server that knows one ServiceAccount and gives tokens of it."""

    def __init__(self, **annotations):
        self.annotations = annotations
        self.audiences = []

    async def get(self, resource, namespace, name):
        return {"metadata": {"namespace": namespace, "name": name, "annotations": self.annotations}}

    async def create_sub(self, resource, namespace, name, subresource, obj):
        self.audiences += obj["spec"]["audiences"]
        return {"status": {"token": f"token-of-{name}"}}


@pytest.fixture
async def server():
    async with CloudServer() as server:
        yield server


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def make(server, session, clock):
    def clouds(accounts=None, **environment):
        env = {
            "AWS_ENDPOINT_URL": server.address,
            "AZURE_AUTHORITY_HOST": server.address,
            "GCE_METADATA_HOST": URL(server.address).authority,
        }
        made = Clouds(session, accounts, clock, environment=env | environment)
        made.azure = Azure(
            made._asker, clock, env | environment, exchange=server.address + "/{host}/oauth2/exchange"
        )
        made.gcp = Gcp(
            made._asker,
            clock,
            env | environment,
            sts=f"{server.address}/v1/token",
            iam=f"{server.address}/accounts/",
        )
        return made

    return clouds


def jwt_of(claims):
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({}, claims)]
    return b".".join([*parts, b"x"]).decode()


async def test_a_role_of_an_account_logs_in_at_a_registry_of_aws(server, make, clock):
    server.answer("POST", "/", STS_ANSWER)
    clouds = make(Accounts(**{"eks.amazonaws.com/role-arn": ROLE}))
    keys = await clouds.aws_keys(USER, region="eu-west-1", account="reader")
    assert (keys.access_key, keys.token) == ("AKID", "session")
    (asked,) = server.log
    assert asked.form["Action"] == "AssumeRoleWithWebIdentity"
    assert asked.form["RoleArn"] == ROLE
    assert asked.form["RoleSessionName"] == "reader.team.eu-west-1.fluxcd.io"
    assert asked.form["WebIdentityToken"] == "token-of-reader"
    assert "h1dden" not in repr(keys)


async def test_the_login_of_a_registry_of_aws_is_signed_as_aws_wants_it(server, make, clock):
    token = base64.b64encode(b"AWS:p4ss").decode()
    ends = (clock.now() + timedelta(hours=12)).timestamp()
    server.answer("POST", "/ecr", {"authorizationData": [{"authorizationToken": token, "expiresAt": ends}]})
    server.answer("POST", "/sts", STS_ANSWER)
    clouds = make(
        Accounts(**{"eks.amazonaws.com/role-arn": ROLE}),
        AWS_ENDPOINT_URL_ECR=f"{server.address}/ecr",
        AWS_ENDPOINT_URL_STS=f"{server.address}/sts",
    )
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    login = await clouds.registry_login(Cloud.AWS, host, USER, account="reader")
    assert login == RegistryLogin("AWS", "p4ss")
    (asked,) = server.asked("/ecr")
    signed = ("content-type", "host", "x-amz-date", "x-amz-target", "x-amz-security-token")
    oracle = AWSRequest(
        "POST", f"{server.address}/ecr", {key: asked.headers[key] for key in signed}, asked.body
    )
    oracle.context["timestamp"] = asked.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKID", "h1dden", "session"), "ecr", "eu-west-1")
    canonical = signer.canonical_request(oracle)
    oracle.context["timestamp"] = asked.headers["x-amz-date"]
    expected = signer.signature(signer.string_to_sign(oracle, canonical), oracle)
    assert asked.headers["authorization"].endswith(f"Signature={expected}")


@pytest.mark.parametrize(
    ("cloud", "host", "text"),
    [
        (Cloud.AWS, "index.docker.io", "invalid AWS registry: 'index.docker.io'. must match "),
        (Cloud.AZURE, "index.docker.io", "invalid Azure registry: 'index.docker.io'. must match "),
        (Cloud.GCP, "index.docker.io", "invalid GCP registry: 'index.docker.io'. must match "),
    ],
)
async def test_registries_of_others_are_refused(make, server, cloud, host, text):
    with pytest.raises(CloudError) as caught:
        await make().registry_login(cloud, host, USER)
    assert str(caught.value).startswith(text)
    assert server.log == []


async def test_codecommit_gets_a_signature_of_the_address(server, make):
    server.answer("POST", "/", STS_ANSWER)
    clouds = make(Accounts(**{"eks.amazonaws.com/role-arn": ROLE}))
    url = URL("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app")
    login = await clouds.git_credentials(Cloud.AWS, url, USER, account="reader")
    assert login.username == "AKID%session"
    stamp, _, signature = login.password.partition("Z")
    assert stamp == "20260102T030405"
    assert len(bytes.fromhex(signature)) == 32
    with pytest.raises(CloudError, match=r"^invalid AWS CodeCommit Git URL: example\.com$"):
        await clouds.git_credentials(Cloud.AWS, URL("https://example.com/app"), USER, account="reader")


async def test_an_account_without_a_role_is_told(make, server):
    with pytest.raises(CloudError, match=r"^invalid eks\.amazonaws\.com/role-arn annotation: ''"):
        await make(Accounts()).aws_keys(USER, region="eu-west-1", account="reader")


async def test_a_refused_role_is_told_by_its_code(server, make):
    server.answer("POST", "/", 403)
    clouds = make(Accounts(**{"eks.amazonaws.com/role-arn": ROLE}))
    with pytest.raises(CloudError, match=f"refuses the role '{ROLE}': 403"):
        await clouds.aws_keys(USER, region="eu-west-1", account="reader")


async def test_an_account_logs_in_at_a_registry_of_azure(server, make, clock):
    ends = clock.now() + timedelta(hours=3)
    refresh = jwt_of({"exp": ends.timestamp()})
    server.answer("POST", "/tenant/oauth2/v2.0/token", {"access_token": "access", "expires_in": 3600})
    server.answer("POST", "/a.azurecr.io/oauth2/exchange", {"refresh_token": refresh})
    annotations = {
        "azure.workload.identity/client-id": "client",
        "azure.workload.identity/tenant-id": "tenant",
    }
    accounts = Accounts(**annotations)
    login = await make(accounts).registry_login(Cloud.AZURE, "a.azurecr.io", USER, account="reader")
    assert login == RegistryLogin("00000000-0000-0000-0000-000000000000", refresh)
    assert accounts.audiences == ["api://AzureADTokenExchange"]
    granted, exchanged = server.log
    assert granted.form["client_assertion"] == "token-of-reader"
    assert granted.form["scope"] == "https://containerregistry.azure.net/.default"
    assert exchanged.form == {
        "grant_type": "access_token",
        "service": "a.azurecr.io",
        "access_token": "access",
    }


async def test_the_controller_logs_in_at_azure_with_its_federated_token(server, make, tmp_path):
    (tmp_path / "token").write_text("federated\n")
    server.answer("POST", "/t/oauth2/v2.0/token", {"access_token": "access", "expires_in": "3600"})
    clouds = make(
        AZURE_TENANT_ID="t", AZURE_CLIENT_ID="c", AZURE_FEDERATED_TOKEN_FILE=str(tmp_path / "token")
    )
    login = await clouds.git_credentials(Cloud.AZURE, URL("https://dev.azure.com/a/_git/b"), USER)
    assert login.header == "Bearer access"
    (asked,) = server.log
    assert asked.form["client_assertion"] == "federated"
    assert asked.form["scope"] == "499b84ac-1321-427f-aa17-267ca6975798/.default"


async def test_the_controller_logs_in_at_azure_as_its_machine(server, make):
    server.answer("GET", "/metadata/identity/oauth2/token", {"access_token": "access", "expires_in": "3600"})
    clouds = make(AZURE_POD_IDENTITY_AUTHORITY_HOST=server.address)
    await clouds.git_credentials(Cloud.AZURE, URL("https://dev.azure.com/a/_git/b"), USER)
    (asked,) = server.log
    assert asked.headers["metadata"] == "true"
    assert asked.query["resource"] == "499b84ac-1321-427f-aa17-267ca6975798"


async def test_the_machine_logs_in_at_a_registry_of_google(server, make):
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    server.answer("GET", path, {"access_token": "access", "expires_in": 3599})
    login = await make().registry_login(Cloud.GCP, "eu-docker.pkg.dev", USER)
    assert login == RegistryLogin("oauth2accesstoken", "access")
    assert server.log[0].headers["metadata-flavor"] == "Google"


async def test_an_account_stands_for_one_of_google(server, make):
    for name, value in (
        ("project/project-id", "proj"),
        ("instance/attributes/cluster-location", "europe-west1"),
        ("instance/attributes/cluster-name", "prod"),
    ):
        server.answer("GET", f"/computeMetadata/v1/{name}", value)
    email = "reader@proj.iam.gserviceaccount.com"
    server.answer("POST", "/v1/token", {"access_token": "federated", "expires_in": 3600})
    ends = "2026-01-02T04:04:05Z"
    server.answer(
        "POST", f"/accounts/{email}:generateAccessToken", {"accessToken": "access", "expireTime": ends}
    )
    accounts = Accounts(**{"iam.gke.io/gcp-service-account": email})
    login = await make(accounts).registry_login(Cloud.GCP, "gcr.io", USER, account="reader")
    assert login.password == "access"
    assert accounts.audiences == ["proj.svc.id.goog"]
    (exchanged,) = server.asked("/v1/token")
    cluster = "https://container.googleapis.com/v1/projects/proj/locations/europe-west1/clusters/prod"
    assert exchanged.form["audience"] == f"identitynamespace:proj.svc.id.goog:{cluster}"
    assert exchanged.form["subject_token"] == "token-of-reader"


async def test_a_key_file_of_google_is_signed_for(server, make, tmp_path):
    key = {
        "type": "service_account",
        "client_email": "a@b",
        "private_key": PEM.decode(),
        "token_uri": f"{server.address}/token",
    }
    (tmp_path / "key.json").write_text(json.dumps(key))
    server.answer("POST", "/token", {"access_token": "access", "expires_in": 3600})
    clouds = make(GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "key.json"))
    await clouds.registry_login(Cloud.GCP, "gcr.io", USER)
    claims = checked(server.log[0].form["assertion"])
    assert (claims["iss"], claims["aud"]) == ("a@b", f"{server.address}/token")


def checked(token):
    """The claims of a token that our key signed."""
    head, _, signature = token.rpartition(".")
    KEY.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="), head.encode(), padding.PKCS1v15(), SHA256()
    )
    return json.loads(base64.urlsafe_b64decode(head.split(".")[1] + "=="))


def app_of(server, **more):
    data = {"githubAppID": "7", "githubAppPrivateKey": PEM, "githubAppBaseURL": server.address} | more
    return GitHubApp.read(
        {key: value if isinstance(value, bytes) else value.encode() for key, value in data.items()}
    )


@pytest.mark.case("runtime-40")
async def test_a_token_of_an_hour_is_renewed_after_48_minutes(server, make, clock):
    path = "/app/installations/9/access_tokens"
    clouds, app = make(), app_of(server, githubAppInstallationID="9")

    async def token():
        server.answer(
            "POST",
            path,
            {
                "token": f"t{len(server.log)}",
                "expires_at": (clock.now() + timedelta(hours=1)).isoformat(),
            },
        )
        return (await clouds.github(app, USER, proxy=None, tls=TlsMaterial())).password

    first = await token()
    clock.forward(timedelta(minutes=47, seconds=59))
    assert await token() == first
    clock.forward(timedelta(seconds=1))
    assert await token() != first
    assert len(server.asked(path)) == 2
    claims = checked(server.log[0].headers["authorization"].removeprefix("Bearer "))
    assert claims["iss"] == "7"
    assert claims["exp"] - claims["iat"] == 120


async def test_an_owner_is_looked_for_among_organizations_and_users(server, make, clock):
    server.answer("GET", "/users/ada/installation", {"id": 11})
    ends = (clock.now() + timedelta(hours=1)).isoformat()
    server.answer("POST", "/app/installations/11/access_tokens", {"token": "t", "expires_at": ends})
    app = app_of(server, githubAppInstallationOwner="ada")
    login = await make().github(app, USER, proxy=None, tls=TlsMaterial())
    assert (login.username, login.password) == ("x-access-token", "t")
    assert server.log[0].path == "/orgs/ada/installation"


async def test_an_owner_that_nobody_knows_is_told(server, make):
    app = app_of(server, githubAppInstallationOwner="ada")
    with pytest.raises(CloudError, match=r"find organization installation: .* find user installation: "):
        await make().github(app, USER, proxy=None, tls=TlsMaterial())
