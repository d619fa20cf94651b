"""Events are published in clouds by a key, or by an identity that a service on loopback gives tokens for."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from notification_controller.delivery import Unusable
from notification_controller.notification import NotDelivered
from shared.testing.clouds import CloudServer
from shared.testing.inbox import Inbox, Reply
from shared.testing.proxy import Guide

HOSTS = ("pubsub.googleapis.com", "ns.servicebus.windows.net")
TOPIC = "/v1/projects/pro-1/topics/flux:publish"


@pytest.fixture
async def tokens():
    async with CloudServer() as server:
        answer = {"access_token": "t-machine", "expires_in": 3600}
        server.answer("GET", "/computeMetadata/v1/instance/service-accounts/default/token", answer)
        server.answer("GET", "/metadata/identity/oauth2/token", answer)
        server.answer("POST", "/token", {"access_token": "t-key", "expires_in": 3600})
        yield server


@pytest.fixture
async def outside(authority, cluster):
    cluster.add("ca", ca__crt=authority.pem)
    async with Inbox(tls=authority.server_context(*HOSTS)) as inbox:
        yield inbox


@pytest.fixture
async def guide(outside):
    async with Guide() as proxy:
        proxy.places = dict.fromkeys(HOSTS, outside.port)
        yield proxy


@pytest.fixture
def cloudy(provider, guide):
    """A Provider whose service is reached through the proxy."""

    def make(kind, address, channel, **spec):
        more = {"proxy": guide.url, "certSecretRef": "ca"} | spec
        return provider(kind, address, channel=channel, **more)

    return make


@pytest.fixture(autouse=True)
def machine(monkeypatch, tokens):
    for name in (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_AUTHORITY_HOST",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GCE_METADATA_HOST", tokens.address.removeprefix("http://"))
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", tokens.address)


@pytest.fixture(scope="module")
def pem():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def credentials(tokens, pem, **more):
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "flux@pro-1.iam.gserviceaccount.com",
            "private_key": pem,
            "token_uri": f"{tokens.address}/token",
        }
        | more
    )


def published(request):
    assert (request.method, request.target) == ("POST", TOPIC)
    [message] = request.json["messages"]
    return base64.b64decode(message["data"]), message.get("attributes")


async def test_the_identity_of_the_controller_publishes(outside, deliver, cloudy, info):
    given = cloudy("googlepubsub", "pro-1", "flux")
    for _ in range(2):
        await deliver(given, info)
    assert published(outside.received[0]) == (info.encoded(), None)
    assert outside.received[0].headers["authorization"] == "Bearer t-machine"


async def test_a_key_in_the_secret_wins(outside, deliver, cloudy, cluster, tokens, pem, failure):
    cluster.add("s", token=credentials(tokens, pem), headers="team: shop\nenv: prod")
    given = cloudy("googlepubsub", "pro-1", "flux", secretRef="s")
    for _ in range(2):
        await deliver(given, failure)
    assert published(outside.received[0]) == (failure.encoded(), {"team": "shop", "env": "prod"})
    assert [each.headers["authorization"] for each in outside.received] == ["Bearer t-key"] * 2
    assert len(tokens.asked("/token")) == 1
    assert not tokens.asked("/computeMetadata/v1/instance/service-accounts/default/token")


async def test_credentials_of_a_user_publish(outside, deliver, cloudy, cluster, tokens):
    known = {"client_id": "c", "client_secret": "s3cr3t", "refresh_token": "r"}
    cluster.add(
        "s", token=json.dumps(known | {"type": "authorized_user", "token_uri": f"{tokens.address}/token"})
    )
    await deliver(cloudy("googlepubsub", "pro-1", "flux", secretRef="s"))
    assert outside.received[0].headers["authorization"] == "Bearer t-key"
    [asked] = tokens.asked("/token")
    assert asked.form == known | {"grant_type": "refresh_token"}


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("{", "the key can't be used"),
        (
            '{"type": "external_account"}',
            "has to be the key of a service account, or the credentials of a user",
        ),
        ('{"type": "authorized_user", "client_id": "c"}', "the key can't be used"),
    ],
)
async def test_a_key_that_is_none_is_reported(outside, deliver, cloudy, cluster, key, error):
    cluster.add("s", token=key)
    with pytest.raises(NotDelivered, match=error):
        await deliver(cloudy("googlepubsub", "pro-1", "flux", secretRef="s"))
    assert outside.received == []


async def test_a_refusal_of_pubsub_is_reported_without_the_token(outside, deliver, cloudy):
    outside.reply = Reply(403, b'{"error":{"code":403,"message":"no permission"}}')
    with pytest.raises(NotDelivered, match=r"status code 403.*no permission"):
        await deliver(cloudy("googlepubsub", "pro-1", "flux"))


@pytest.mark.parametrize(
    ("address", "channel", "error"),
    [
        ("", "flux", "GCP project ID cannot be empty"),
        ("pro-1", "", "GCP Pub/Sub topic ID cannot be empty"),
    ],
)
async def test_project_and_topic_are_needed(notifiers, cloudy, address, channel, error):
    with pytest.raises(Unusable, match=error):
        await notifiers.open(cloudy("googlepubsub", address, channel))


async def test_the_identity_of_the_controller_sends_to_an_event_hub(outside, deliver, cloudy, tokens, info):
    await deliver(cloudy("azureeventhub", "hub", "ns"), info)
    assert outside.received[0].headers["authorization"] == "Bearer t-machine"
    assert outside.received[0].body == info.encoded()
    [asked] = tokens.asked("/metadata/identity/oauth2/token")
    assert asked.query["resource"] == "https://eventhubs.azure.net/"
