"""Who may read a bucket, how its server is trusted, and that nobody sees the keys."""

import asyncio
from types import MappingProxyType

import pytest
from aiohttp import web

from shared.kube.errors import Invalid
from shared.testing.bucket_server import BucketGate, refusal, sts_answer
from shared.testing.proxy import ForwardProxy
from shared.testing.tls import Authority


async def test_keys_get_in(buckets):
    buckets.put(**{"a.yaml": "1"})
    buckets.gate.keys = ("ada", "h1dden-key")
    await buckets.create(region="us-east-1")
    await buckets.fails(
        "BucketOperationFailed", f"failed to confirm existence of '{buckets.bucket}' bucket: 403"
    )
    await buckets.secret("keys", accesskey="ada", secretkey="h1dden-key\n")
    await buckets.change(secretRef={"name": "keys"})
    await buckets.ready()
    await buckets.secret("wrong", accesskey="ada", secretkey="h1dden-other")
    await buckets.create("wrong", region="us-east-1", secretRef={"name": "wrong"})
    await buckets.fails("BucketOperationFailed", "check the Secret of spec.secretRef", "wrong")
    await buckets.create("region", secretRef={"name": "keys"})
    await buckets.ready("region")
    assert "h1dden" not in buckets.process.log.read_text()


async def test_empty_keys_are_nobody(buckets):
    await buckets.secret("nobody", accesskey="", secretkey="")
    await buckets.create(secretRef={"name": "nobody"})
    await buckets.ready()
    assert not any("authorization" in each.headers for each in buckets.gate.log)


@pytest.mark.case("source-o55")
async def test_half_a_login_is_refused(buckets):
    await buckets.secret("half", accesskey="ada")
    await buckets.create(secretRef={"name": "half"})
    text = "invalid 'half' secret data: required fields 'accesskey' and 'secretkey'"
    failed = await buckets.fails("AuthenticationFailed", text)
    found = buckets.condition(failed, "FetchFailed")
    assert (found["reason"], found["message"]) == ("AuthenticationFailed", text)
    assert buckets.gate.log == []
    with pytest.raises(
        Invalid, match="'ldap' is the only supported STS provider for the 'generic' Bucket provider"
    ):
        await buckets.create("sts", sts={"provider": "aws", "endpoint": "https://sts.example.com"})


async def test_a_secret_that_is_missing_is_named(buckets):
    await buckets.create(secretRef={"name": "keys"})
    await buckets.fails("AuthenticationFailed", f"failed to get secret '{buckets.namespace}/keys'")
    await buckets.secret("keys", accesskey="ada", secretkey="x")
    await buckets.ready()


async def test_a_bucket_that_is_missing_is_named(buckets):
    await buckets.create(bucketName="nobody-has-this")
    await buckets.fails("BucketOperationFailed", "bucket 'nobody-has-this' not found")


@pytest.mark.parametrize("name", ["a/b", "../x", "arn:aws:s3:eu-west-1:1:accesspoint/x", "a?b"])
async def test_a_name_that_is_none_is_refused(buckets, name):
    await buckets.create(bucketName=name)
    await buckets.fails("BucketOperationFailed", "spec.bucketName is not the name of a bucket")
    assert buckets.gate.log == []


@pytest.mark.parametrize("endpoint", ["https://{}", "{}/path", "{}/", "ada:h1dden@{}", "{}?x=h1dden", "a b"])
async def test_an_endpoint_is_a_host(buckets, endpoint):
    await buckets.create(endpoint=endpoint.format(buckets.gate.host))
    failed = await buckets.fails("AuthenticationFailed", "is not a host with an optional port")
    assert buckets.gate.log == []
    assert "h1dden" not in str(failed["status"])


async def test_an_authority_of_its_own_is_trusted(buckets):
    buckets.put(**{"a.yaml": "1"})
    authority = Authority()
    client = authority.client("ada")
    async with BucketGate(buckets.server, tls=authority.server_context(clients=True)) as gate:
        how = {"endpoint": gate.host, "insecure": None}
        await buckets.create("plain", **how)
        await buckets.fails("BucketOperationFailed", "the certificate of 127.0.0.1", "plain")
        await buckets.secret("own", ca_crt=authority.pem, tls_crt=client.certificate, tls_key=client.key)
        await buckets.create("trusting", **how, certSecretRef={"name": "own"})
        await buckets.ready("trusting")
        await buckets.secret("other", ca_crt=Authority().pem)
        await buckets.create("wrong", **how, certSecretRef={"name": "other"})
        await buckets.fails("BucketOperationFailed", "the certificate of 127.0.0.1", "wrong")
        await buckets.secret("broken", ca_crt="no certificate")
        await buckets.create("broken", **how, certSecretRef={"name": "broken"})
        await buckets.fails("AuthenticationFailed", "failed to get TLS config", "broken")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_is_gone_through(buckets, scheme):
    buckets.put(**{"a.yaml": "1"})
    async with ForwardProxy(scheme, ("ada", "pw")) as proxy:
        await buckets.create(proxySecretRef={"name": "proxy"})
        await buckets.fails("AuthenticationFailed", "failed to get proxy URL")
        await buckets.secret("proxy", address=proxy.url, username="ada", password="pw")
        await buckets.ready()
        assert set(proxy.targets) == {buckets.gate.host}


class Directory:
    """A service that gives keys to an account of LDAP, and what it was asked."""

    password = "h1dden-pass"
    keys = MappingProxyType(
        {"AccessKeyId": "temporary", "SecretAccessKey": "h1dden-key", "SessionToken": "h1dden-token"}
    )

    def __init__(self):
        self.asked = []
        self.url = ""

    async def answer(self, request):
        form = dict(await request.post())
        self.asked.append((request.method, request.query_string, form))
        if form["LDAPPassword"] == self.password:
            return sts_answer(self.keys)
        return web.Response(status=403, text="<Answer><Error><Code>AccessDenied</Code></Error></Answer>")


@pytest.fixture
async def directory():
    directory, application = Directory(), web.Application()
    application.router.add_route("*", "/{path:.*}", directory.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    directory.url = "http://{}:{}".format(*runner.addresses[0])
    yield directory
    await runner.cleanup()


async def test_ldap_gives_keys_for_a_while(buckets, directory):
    buckets.put(**{"a.yaml": "1"})
    buckets.gate.keys, buckets.gate.token = ("temporary", "h1dden-key"), "h1dden-token"
    sts = {"provider": "ldap", "endpoint": directory.url, "secretRef": {"name": "login"}}
    await buckets.secret("login", username="ada", password=directory.password)
    await buckets.create(sts=sts)
    await buckets.ready()
    form = {
        "Action": "AssumeRoleWithLDAPIdentity",
        "Version": "2011-06-15",
        "LDAPUsername": "ada",
        "LDAPPassword": directory.password,
    }
    assert directory.asked == [("POST", "", form)]
    assert "h1dden" not in buckets.process.log.read_text()


@pytest.mark.parametrize(
    ("login", "text"),
    [
        ({"username": "ada", "password": "h1dden-other"}, "STS endpoint '{url}': 403 AccessDenied, check"),
        (
            {"username": "ada"},
            "'login' secret data for 'ldap' STS provider: required fields username, password",
        ),
    ],
)
async def test_a_login_that_is_none_gets_no_keys(buckets, directory, login, text):
    await buckets.secret("login", **login)
    sts = {"provider": "ldap", "endpoint": directory.url, "secretRef": {"name": "login"}}
    await buckets.create(sts=sts)
    await buckets.fails("AuthenticationFailed", text.format(url=directory.url))
    assert buckets.gate.log == []
    assert "h1dden" not in buckets.process.log.read_text()


async def test_an_sts_endpoint_without_a_host_stalls(buckets):
    await buckets.create(sts={"provider": "ldap", "endpoint": "https://:x?token=h1dden"})
    stalled = await buckets.stalls("URLInvalid", "failed to parse STS endpoint 'https://:x': ")
    assert buckets.condition(stalled, "FetchFailed")["reason"] == "URLInvalid"


async def test_what_this_version_can_not_do_is_said_instead_of_left_out(buckets):
    await buckets.create("account", provider="aws", serviceAccountName="reader")
    await buckets.stalls("FeatureGateDisabled", "ObjectLevelWorkloadIdentity", "account")


async def test_google_wants_the_key_of_a_service_account(buckets):
    buckets.defaults |= {"provider": "gcp", "endpoint": "storage.googleapis.com", "insecure": None}
    await buckets.secret("empty", accesskey="h1dden")
    await buckets.create("empty", secretRef={"name": "empty"})
    text = "invalid 'empty' secret data: required fields 'serviceaccount'"
    await buckets.fails("AuthenticationFailed", text, "empty")
    key = '{"type": "service_account", "client_email": "a", "token_uri": "b", "private_key": "h1dden"}'
    await buckets.secret("broken", serviceaccount=key)
    await buckets.create("broken", secretRef={"name": "broken"})
    await buckets.fails("AuthenticationFailed", "'serviceaccount' is not a key that can be used", "broken")
    assert "h1dden" not in buckets.process.log.read_text()


async def test_a_server_that_hangs_holds_up_nobody_else(buckets):
    buckets.put(**{"a.yaml": "1"})
    async with BucketGate(buckets.server) as hanging:
        hanging.hold = asyncio.Event()
        await buckets.create("hanging", endpoint=hanging.host, timeout="1s")
        await hanging.asked.wait()
        await buckets.create()
        await buckets.ready()
        await buckets.fails("BucketOperationFailed", "context deadline exceeded", "hanging")
        hanging.hold.set()
        hanging.hold = None
        await buckets.change("hanging", timeout="60s")
        await buckets.ready("hanging")


async def test_an_error_of_the_server_is_passed_on_without_its_secrets(buckets):
    def fail(request):
        return refusal("Odd", "see https://ada:h1dden@store.example.com/x?sig=h1dden&y=1 for more", 400)

    buckets.gate.fault = lambda request: fail(request) if "list-type" in request.query else None
    await buckets.create()
    said = "Odd: see https://store.example.com/x for more"
    text = f"indexation of objects from bucket '{buckets.bucket}' failed: {said}"
    await buckets.fails("BucketOperationFailed", text)
