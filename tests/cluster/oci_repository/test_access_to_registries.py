"""Who may read a registry, how it is trusted, and that nobody sees the login."""

import pytest

from shared.testing.registry import Gate
from shared.testing.tls import Authority


async def test_a_pull_secret_gets_in(images):
    images.push(files={"a": "1"})
    images.gate.bearer = ("ada", "h1dden-pass")
    await images.create(insecure=True)
    await images.fails("OCIArtifactPullFailed", "authentication required")
    await images.pull_secret("login", images.gate.docker_config("ada", "h1dden-pass"))
    await images.change(secretRef={"name": "login"})
    await images.ready()
    await images.pull_secret("wrong", images.gate.docker_config("ada", "h1dden-other"))
    await images.create("wrong", insecure=True, secretRef={"name": "wrong"})
    await images.fails("OCIArtifactPullFailed", "does not accept the login", "wrong")
    assert "h1dden" not in images.process.log.read_text()


async def test_a_secret_that_is_missing_is_named(images):
    images.push(files={"a": "1"})
    await images.create(secretRef={"name": "login"})
    text = f"failed to get credential: failed to get secret '{images.namespace}/login'"
    failed = await images.fails("AuthenticationFailed", text)
    assert images.condition(failed, "FetchFailed")["reason"] == "AuthenticationFailed"
    await images.pull_secret("login", images.gate.docker_config("ada", "x"))
    await images.ready()


async def test_the_pull_secrets_of_an_account_are_used(images):
    images.push(files={"a": "1"})
    images.gate.basic = ("ada", "pw")
    await images.pull_secret("login", images.gate.docker_config("ada", "pw"))
    await images.account("puller", "login")
    await images.create(insecure=True, serviceAccountName="puller")
    await images.ready()


@pytest.mark.case("source-o17")
async def test_every_pull_secret_of_an_account_has_to_be_there(images):
    images.push(files={"a": "1"})
    await images.pull_secret("login", images.gate.docker_config("ada", "pw"))
    await images.account("puller", "login", "gone")
    await images.create(insecure=True, serviceAccountName="puller")
    await images.fails("AuthenticationFailed", "failed to get credential: failed to get secret")
    await images.create("nobody", serviceAccountName="nobody")
    await images.fails(
        "AuthenticationFailed", f"serviceaccount '{images.namespace}/nobody' not found", "nobody"
    )


@pytest.mark.case("source-o16")
async def test_a_certificate_of_nobody_needs_insecure_or_its_authority(images):
    images.push(files={"a": "1"})
    authority = Authority()
    async with Gate(images.store, tls=authority.server_context()) as gate:
        url = gate.url(images.name)
        await images.create("plain", url=url)
        await images.fails("OCIArtifactPullFailed", "the certificate of 127.0.0.1", "plain")
        await images.create("insecure", url=url, insecure=True)
        await images.ready("insecure")
        await images.secret("own", ca_crt=authority.pem)
        await images.create("trusting", url=url, certSecretRef={"name": "own"})
        await images.ready("trusting")
        await images.secret("other", ca_crt=Authority().pem)
        await images.create("wrong", url=url, insecure=True, certSecretRef={"name": "other"})
        await images.fails("OCIArtifactPullFailed", "the certificate of 127.0.0.1", "wrong")


@pytest.mark.case("source-o15")
async def test_a_secret_makes_a_login_of_a_cloud_needless(images):
    images.push(files={"a": "1"})
    images.gate.basic = ("ada", "secret")
    await images.pull_secret("login", images.gate.docker_config("ada", "secret"))
    await images.create(provider="aws", insecure=True, secretRef={"name": "login"})
    await images.ready()


@pytest.mark.case("source-o15")
async def test_an_identity_of_its_own_needs_the_gate(images):
    images.push(files={"a": "1"})
    await images.account("reader")
    await images.create(provider="aws", serviceAccountName="reader")
    obj = await images.stalls("FeatureGateDisabled", "ObjectLevelWorkloadIdentity feature gate")
    assert images.condition(obj, "FetchFailed")["reason"] == "FeatureGateDisabled"


@pytest.mark.case("source-o15")
async def test_a_registry_of_somebody_else_is_refused(images):
    await images.create(provider="gcp", url="oci://docker.io/library/app")
    await images.fails(
        "AuthenticationFailed", "invalid GCP registry: 'index.docker.io'. must match ^(((.+\\.)?gcr\\.io)"
    )
