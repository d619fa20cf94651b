"""Who gives the credentials of a remote, and what is said when a Secret is meant for somebody else."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.testing.clouds import CloudServer
from shared.testing.source import SECRETS


@pytest.mark.case("source-g29")
async def test_the_keys_of_a_github_app_need_their_provider(source):
    source.upstream.commit({"a": "1"})
    await source.secret("app", githubAppID="123", githubAppPrivateKey="h1dden-key")
    await source.repository(secretRef={"name": "app"})
    text = f"secretRef '{source.namespace}/app' has github app data but provider is not set to github"
    obj = await source.fails("InvalidProviderConfiguration", text)
    assert source.condition(obj, "FetchFailed")["reason"] == "InvalidProviderConfiguration"
    assert source.condition(obj, "Reconciling")["reason"] == "ProgressingWithRetry"
    assert source.condition(obj, "Stalled")["status"] == ""
    assert source.server.log == []
    assert "h1dden" not in source.process.log.read_text()


NO_APP = "secretRef with github app data must be specified when provider is set to github"


@pytest.fixture(scope="module")
def key():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
async def github():
    async with CloudServer() as server:
        yield server


@pytest.mark.case("source-g28")
async def test_a_github_app_needs_a_secret(source):
    source.upstream.commit({"a": "1"})
    await source.repository(provider="github")
    obj = await source.stalls("InvalidProviderConfiguration", NO_APP)
    assert source.condition(obj, "FetchFailed")["reason"] == "InvalidProviderConfiguration"


@pytest.mark.case("source-g28")
async def test_a_github_app_needs_its_keys_and_may_get_them_later(source, github, key):
    source.upstream.commit({"a": "1"})
    source.server.access.basic = ("x-access-token", "installed")
    await source.secret("app", username="ada", password="h1dden")
    await source.repository(provider="github", secretRef={"name": "app"})
    obj = await source.fails("InvalidProviderConfiguration", NO_APP)
    assert source.condition(obj, "Stalled")["status"] != "True"
    await source.client.delete(SECRETS, source.namespace, "app")
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    answer = {"token": "installed", "expires_at": ends}
    github.answer("POST", "/app/installations/9/access_tokens", answer)
    await source.secret(
        "app",
        githubAppID="7",
        githubAppInstallationID="9",
        githubAppPrivateKey=key,
        githubAppBaseURL=github.address,
    )
    await source.ready()
    await source.reconcile()
    assert len(github.log) == 1
    log = source.process.log.read_text()
    assert "installed" not in log.replace('"installed"', "")
    assert "PRIVATE KEY" not in log


async def test_a_github_that_refuses_is_told(source, github, key):
    source.upstream.commit({"a": "1"})
    github.answer("POST", "/app/installations/9/access_tokens", 401)
    await source.secret(
        "app",
        githubAppID="7",
        githubAppInstallationID="9",
        githubAppPrivateKey=key,
        githubAppBaseURL=github.address,
    )
    await source.repository(provider="github", secretRef={"name": "app"})
    await source.fails(
        "AuthenticationFailed",
        "failed to configure authentication options: 127.0.0.1 answers with status code 401",
    )


@pytest.mark.case("source-g30")
async def test_an_identity_of_its_own_needs_the_gate(source):
    source.upstream.commit({"a": "1"})
    await source.repository(provider="azure", serviceAccountName="reader")
    obj = await source.stalls("FeatureGateDisabled", "ObjectLevelWorkloadIdentity feature gate")
    assert source.condition(obj, "FetchFailed")["reason"] == "FeatureGateDisabled"


@pytest.mark.case("source-g31")
async def test_only_codecommit_is_logged_in_to_by_aws(source):
    source.upstream.commit({"a": "1"})
    await source.repository(provider="aws", url="https://git.example.com/app")
    await source.fails("AuthenticationFailed", "invalid AWS CodeCommit Git URL: git.example.com")
