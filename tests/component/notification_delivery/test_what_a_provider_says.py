"""Of several places that may say something the last one counts, and what is missing or wrong is named."""

import pytest

from notification_controller.delivery import Unusable
from notification_controller.delivery.access import Accesses
from shared.auth import BasicAuth, Secrets
from shared.testing.inbox import Inbox, Reply


@pytest.fixture
def read(cluster, provider):
    """What a Provider of a type says, given the data of its Secret."""

    async def run(kind="generic", secret=None, **spec):
        if secret is not None:
            cluster.add("s", **secret)
            spec["secretRef"] = "s"
        return await Accesses(Secrets(cluster)).of(provider(kind, **spec))

    return run


async def test_the_address_of_the_secret_wins(read):
    assert (await read(address="http://a")).address == "http://a"
    assert (await read(address="http://a", secret={"address": " http://b\n"})).address == "http://b"
    assert (await read(secret={"token": "t"})).address == ""


@pytest.mark.parametrize(("size", "fits"), [(2048, True), (2049, False)])
async def test_an_address_in_a_secret_has_a_limit(read, size, fits):
    address = "http://a/".ljust(size, "x")
    if fits:
        assert (await read(secret={"address": address})).address == address
    else:
        with pytest.raises(Unusable) as caught:
            await read(secret={"address": address})
        assert str(caught.value) == (
            "invalid address in secret: address exceeds maximum length of 2048 bytes"
        )


async def test_a_login_is_taken_whole(read):
    assert (await read(username="bot")).login is None
    assert (await read(username="bot", secret={"token": "t"})).username == "bot"
    found = await read(username="bot", secret={"username": "u", "password": "p\n"})
    assert found.login == BasicAuth("u", "p")


async def test_a_password_beside_an_empty_user_name_is_a_token(read, deliver, provider, inbox):
    found = await read("gitlab", secret={"username": "", "password": "t0ken"})
    assert (found.username, found.password, found.login) == ("", "t0ken", None)
    inbox.reply = Reply(200, b"[]")
    await deliver(provider("gitlab", f"{inbox.url}/org/repo", secretRef="s"), context="apps/web")
    assert {each.headers["private-token"] for each in inbox.received} == {"t0ken"}


@pytest.mark.parametrize(("there", "missing"), [("username", "password"), ("password", "username")])
async def test_half_a_login_is_refused_by_the_name_of_the_missing_key(read, there, missing):
    with pytest.raises(Unusable) as caught:
        await read(secret={there: "value", "token": "t"})
    assert str(caught.value) == f"'username' and 'password' belong together, but '{missing}' is missing"


@pytest.mark.parametrize("kind", ["slack", "webex", "matrix"])
async def test_a_password_is_not_for_services_that_know_tokens_alone(kind, cluster, deliver, provider, inbox):
    cluster.add("s", username="u", password="p")
    cluster.add("t", username="u", password="p", token="t0ken")
    for secret in ("s", "t"):
        await deliver(provider(kind, inbox.url, channel="!r:x", secretRef=secret))
    assert [each.headers.get("authorization") for each in inbox.received] == [None, "Bearer t0ken"]


async def test_a_token_is_trimmed_for_headers_alone(read):
    found = await read(secret={"token": "t0ken \n"})
    assert (found.token, found.bearer) == (b"t0ken \n", "t0ken")


@pytest.mark.parametrize("token", ["two\nlines", "nul\0", b"\xff"])
async def test_a_token_that_can_not_be_in_a_header_is_refused_there(read, notifiers, provider, token):
    found = await read(secret={"token": token})
    assert found.token
    with pytest.raises(Unusable, match="the value of key 'token'"):
        await notifiers.open(provider("slack", "http://127.0.0.1", secretRef="s"))


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ("- a", "a map of names and values is needed"),
        ("a: [", "failed to read headers from secret: "),
        ("a: [1]", "the value of header 1 is not a string"),
        ('x: y\n"a b": c', "the name of header 2 has signs that no such name has"),
        ('a: "b\\nc: d"', "the value of header 1 has a line break or a null in it"),
    ],
)
async def test_headers_are_a_map_of_strings(read, headers, error):
    with pytest.raises(Unusable) as caught:
        await read(secret={"headers": headers})
    assert str(caught.value).startswith("failed to read headers from secret: ")
    assert error in str(caught.value)


@pytest.mark.parametrize("headers", ["Bearer s3cr3t: x", "s3cr3t: [x]", 's3cr3t: "\\r"', "x: y: s3cr3t"])
async def test_headers_that_are_none_are_not_repeated(read, headers):
    with pytest.raises(Unusable) as caught:
        await read(secret={"headers": headers})
    assert "s3cr3t" not in str(caught.value)


async def test_headers_are_texts_however_they_are_written(read):
    headers = "a: 1\nb: true\nc: 1.50\nd:\ne: '1.50'\n1: x"
    found = (await read(secret={"headers": headers})).headers
    assert found == {"a": "1", "b": "true", "c": "1.5", "d": "", "e": "1.50", "1": "x"}


async def test_attributes_of_messages_have_any_name(read):
    found = await read("googlepubsub", secret={"headers": 'tenant/id: team\nmy note: "a\\nb"'})
    assert found.headers == {"tenant/id": "team", "my note": "a\nb"}


async def test_no_headers_are_fine(read):
    assert (await read(secret={"headers": "# nothing\n"})).headers == {}


async def test_each_secret_is_read_once(cluster, provider, read, authority):
    cluster.add("all", address="http://127.0.0.1:1", ca__crt=authority.pem, token="t")
    given = provider("generic", "http://a", secretRef="all", certSecretRef="all", proxySecretRef="all")
    found = await Accesses(Secrets(cluster)).of(given)
    assert cluster.reads == ["all"]
    assert found.way.proxy is not None
    assert found.way.tls.authorities == authority.pem


async def test_a_missing_secret_is_named(provider, cluster):
    for field in ("secretRef", "certSecretRef", "proxySecretRef"):
        with pytest.raises(Unusable) as caught:
            await Accesses(Secrets(cluster)).of(provider("generic", "http://a", **{field: "nope"}))
        assert str(caught.value) == "failed to get secret 'flux/nope': secrets \"nope\" not found"


@pytest.mark.parametrize(
    ("field", "error"),
    [
        ("proxySecretRef", "proxy URL of spec.proxySecretRef: the key 'address' is missing or empty"),
        ("certSecretRef", "TLS config of spec.certSecretRef: none of the keys 'ca.crt', "),
    ],
)
async def test_a_secret_without_anything_in_it_is_no_missing_reference(read, cluster, field, error):
    cluster.add("empty")
    with pytest.raises(Unusable) as caught:
        await read(address="http://a", proxy="http://b", **{field: "empty"})
    assert str(caught.value).startswith(f"failed to get {error}")


@pytest.mark.parametrize(
    ("spec", "secret", "error"),
    [
        ({}, {"proxy": "no proxy"}, "the value of key 'proxy' is not a URL"),
        ({"proxy": "http://["}, {}, "spec.proxy is not a URL"),
    ],
)
async def test_a_proxy_that_is_none_is_refused(read, spec, secret, error):
    with pytest.raises(Unusable, match=error):
        await read(secret=secret, **spec)


async def test_tls_beside_credentials_counts_for_commit_statuses_alone(read, authority):
    secret = {"ca__crt": authority.pem, "token": "t"}
    assert (await read("github", secret=secret)).way.tls.authorities == authority.pem
    assert not (await read("slack", secret=secret)).way.tls
    assert not (await read("githubdispatch", secret=secret)).way.tls


async def test_certificates_of_their_own_secret_win_over_those_beside_credentials(read, cluster, authority):
    cluster.add("tls", ca__crt=authority.pem)
    found = await read("github", secret={"ca__crt": "nonsense"}, certSecretRef="tls")
    assert found.way.tls.authorities == authority.pem


async def test_legacy_names_of_tls_keys_are_known(deliver, provider, cluster, authority):
    cluster.add("tls", caFile=authority.pem)
    async with Inbox(tls=authority.server_context()) as inbox:
        await deliver(provider("generic", inbox.url, certSecretRef="tls"))
        assert len(inbox.received) == 1
