"""A container of Azure becomes an artifact, and its logins stay secret."""

import hashlib

import pytest


@pytest.fixture
def azure(buckets, blobs):
    buckets.defaults |= {"provider": "azure", "endpoint": blobs.url, "bucketName": blobs.container}
    del buckets.defaults["insecure"]
    return buckets


async def test_the_revision_is_made_of_states_as_downloads_have_them(azure, blobs):
    blobs.blobs = {"apps/a.yaml": b"1", "apps/b.txt": b"2", ".sourceignore": b"*.txt\n", "other": b"3"}
    await azure.secret("nobody", authorityHost="https://login.example.com")
    await azure.create(prefix="apps/", secretRef={"name": "nobody"})
    obj = await azure.ready()
    line = f'apps/a.yaml "{blobs.etag("apps/a.yaml")}"\n'
    assert obj["status"]["artifact"]["revision"] == f"sha256:{hashlib.sha256(line.encode()).hexdigest()}"
    assert await azure.files(obj) == {".sourceignore": b"*.txt\n", "apps/a.yaml": b"1"}


async def test_only_what_changed_is_downloaded(azure, blobs):
    blobs.blobs = {"a.yaml": b"1", "b.yaml": b"2"}
    await azure.secret("nobody", authorityHost="https://login.example.com")
    await azure.create(secretRef={"name": "nobody"})
    await azure.ready()
    blobs.blobs["b.yaml"] = b"new"
    blobs.log.clear()
    assert await azure.files(await azure.reconcile()) == {"a.yaml": b"1", "b.yaml": b"new"}
    assert blobs.log == ["LIST", "GET .sourceignore", "LIST", "GET b.yaml"]


@pytest.mark.case("source-o56")
async def test_a_query_that_lets_in_is_never_shown(azure, blobs):
    blobs.blobs, blobs.query = {"a.yaml": b"1"}, "h1dden"
    blobs.refusal = f"Not authorized: {blobs.url}/manifests/a.yaml?sv=1&sig=h1dden#x for this account"
    await azure.secret("sas", sasKey="?sv=1&sig=h1dden")
    await azure.create(secretRef={"name": "sas"})
    text = f"Not authorized: {blobs.url}/manifests/a.yaml for this account"
    failed = await azure.fails("BucketOperationFailed", text)
    assert azure.condition(failed, "FetchFailed")["message"].startswith(
        "fetch from bucket 'manifests' failed: failed to get 'a.yaml' object: AuthorizationFailure: "
    )
    events = await azure.events("BucketOperationFailed")
    assert not any(word in str((failed["status"], events)) for word in ("h1dden", "sig=", "sv="))
    log = azure.process.log.read_text()
    assert "h1dden" not in log
    assert "sig=" not in log
    blobs.refusal = ""
    await azure.ready()


async def test_a_query_that_is_wrong_gets_a_hint(azure, blobs):
    blobs.query = "right"
    await azure.secret("sas", sasKey="sig=h1dden")
    await azure.create(secretRef={"name": "sas"})
    await azure.fails("BucketOperationFailed", "the specified bucket name may be incorrect")
    assert "h1dden" not in azure.process.log.read_text()


async def test_the_key_of_an_account_gets_in(azure, blobs):
    blobs.account = "127"
    await azure.secret("key", accountKey="aDFkZGVu")
    await azure.create(secretRef={"name": "key"})
    await azure.ready()


async def test_a_login_that_is_incomplete_is_refused(azure, blobs):
    await azure.secret("half", tenantId="t", clientSecret="h1dden")
    await azure.create(secretRef={"name": "half"})
    await azure.fails(
        "AuthenticationFailed", "invalid 'half' secret data: requires a 'clientId' or 'accountKey'"
    )
    await azure.secret("broken", tenantId="t", clientId="c", clientCertificate="h1dden")
    await azure.create("broken", secretRef={"name": "broken"})
    await azure.fails("AuthenticationFailed", "'clientCertificate' is no certificate with its key", "broken")
    assert blobs.log == []


async def test_a_container_that_is_missing_is_named(azure, blobs):
    await azure.secret("nobody", authorityHost="https://login.example.com")
    await azure.create(secretRef={"name": "nobody"}, bucketName="missing")
    await azure.fails("BucketOperationFailed", "bucket 'missing' not found")


@pytest.mark.parametrize(
    "endpoint", ["ada.blob.core.windows.net", "ftp://h", "https://ada:h1dden@h", "https://"]
)
async def test_an_endpoint_is_the_url_of_an_account(azure, endpoint):
    await azure.create(endpoint=endpoint)
    failed = await azure.fails("AuthenticationFailed", "is not the URL of an account")
    assert "h1dden" not in str(failed["status"])
