"""Events go in at the event server, and what comes out is what each service understands."""

import asyncio
import base64
import hashlib
import hmac
import json
import uuid

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.testing.clouds import CloudServer
from shared.testing.inbox import Inbox, Reply
from shared.testing.mailbox import Mailbox
from shared.testing.nats import run_nats
from shared.testing.provider_cases import FIXED_HOSTS, all_cases
from shared.testing.proxy import Guide
from shared.testing.tls import Authority

KEY = "7152fed34dd6149a7c75a276c510da27cb6f82b0"
CASES = {(case.kind, case.name): case for case in all_cases()}
#: Types that are told by HTTP and of which the cases are about nothing but the event.
CHATS = (
    *("discord", "rocket", "googlechat", "webex", "telegram", "lark", "matrix", "zulip", "zoom"),
    *("opsgenie", "alertmanager", "grafana", "pagerduty", "incident.io", "datadog", "sentry"),
    *("azureeventhub", "otel"),
)
#: What is made of the UIDs of the objects in the cluster, and of their names.
OF_THE_CLUSTER = (
    "alias",
    "event_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "traceId",
    "spanId",
    "resource",
)
HOSTS = (*FIXED_HOSTS, "flows.example.test")
GROUP = "kustomize.toolkit.fluxcd.io"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def service():
    """A service of a test's own."""
    with Mailbox(Inbox()) as mailbox:
        yield mailbox


@pytest.fixture
def outside(authority):
    """The service at hosts that nobody can choose."""
    with Mailbox(Inbox(tls=authority.server_context("127.0.0.1", *HOSTS))) as mailbox:
        yield mailbox


@pytest.fixture
async def guide(outside):
    """The proxy that leads to it."""
    async with Guide() as proxy:
        proxy.places = dict.fromkeys(HOSTS, outside.inbox.port)
        yield proxy


@pytest.fixture
def through(world, guide, authority):
    """What a Provider needs to say to be led to it."""

    async def spec():
        await world.secret("ca", **{"ca.crt": authority.pem})
        return {"proxy": guide.url, "certSecretRef": {"name": "ca"}}

    return spec


def rsa_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def wire(event):
    """An event as its controller posts it; told from all others that look the same."""
    body = event.wire()
    metadata = {f"{GROUP}/{key}": value for key, value in event.metadata.items()}
    return body | {"metadata": metadata | {f"{GROUP}/token": str(uuid.uuid4())}}


async def post(world, event):
    assert (await world.post_raw(json.dumps(wire(event)).encode())).status == 202


async def received(mailbox, count, since=0):
    """Requests, once there are so many."""
    inbox = mailbox.inbox
    await asyncio.to_thread(mailbox.until, lambda: len(inbox.received) >= since + count, f"{count} requests")
    return inbox.received[since:]


async def alert_on_cases(world):
    """An Alert for the objects of the cases."""
    await world.alert(eventSources=[{"kind": "Kustomization", "name": "web", "namespace": "apps"}])


@pytest.mark.case("notification-30")
async def test_bodies_are_signed_with_the_token(world, service):
    await world.secret("key", token=KEY, headers="X-Signature: sha256=0000\nX-Team: shop")
    await world.provider(type="generic-hmac", address=f"{service.url}/hook", secretRef={"name": "key"})
    await world.alert()
    await world.post("a <b> & c", metadata={"revision": "main@sha1:abc"})
    [request] = await received(service, 1)
    digest = hmac.new(KEY.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signature"] == f"sha256={digest}"
    assert request.headers["x-team"] == "shop"
    await world.secret("empty", token="")
    await world.provider(
        "empty", type="generic-hmac", address=f"{service.url}/e", secretRef={"name": "empty"}
    )
    await world.alert("unsigned", provider="empty")
    await world.post("unsigned")
    event = await world.event("failed to dispatch notification", "unsigned")
    assert "HMAC key is empty" in event["message"]
    assert service.at("/e") == []


@pytest.mark.case("notification-31")
async def test_a_message_in_slack_shows_what_happened(world, service, outside, through):
    for name in ("info", "error"):
        case = CASES["slack", name]
        spec = case.provider(service.url)
        await world.provider(name, **spec)
        await world.alert(
            name,
            provider=name,
            eventSources=[{"kind": "Kustomization", "name": "web", "namespace": "apps"}],
            eventSeverity=name,
        )
    await post(world, CASES["slack", "error"].event)
    both = await received(service, 2)
    await post(world, CASES["slack", "info"].event)
    [last] = await received(service, 1, since=2)
    CASES["slack", "error"].compare(both[:1], service.url)
    CASES["slack", "error"].compare(both[1:], service.url)
    CASES["slack", "info"].compare([last], service.url)
    # By the API: its answers decide, and the name of the controller is the author's.
    case = CASES["slack", "api-refuses"]
    outside.inbox.replies = [Reply(200, b'{"ok":true}'), Reply(200, b'{"ok":false,"error":"x"}')]
    await world.secret("bot", **case.secret(service.url))
    spec = case.provider(service.url) | {"secretRef": {"name": "bot"}} | await through()
    await world.provider("api", **spec)
    await world.alert("api", provider="api")
    await world.post("taken")
    first = (await received(outside, 1))[0]
    assert (first.json["username"], first.headers["authorization"]) == (
        "kustomize-controller",
        "Bearer xoxb-1",
    )
    await world.post("refused")
    event = await world.event("failed to send notification", "api")
    assert event["message"].endswith(": Slack responded with error: x")
    assert len(await world.events("api")) == 1


@pytest.mark.case("notification-32")
async def test_the_host_decides_on_the_card_of_teams(world, outside, through):
    addresses = {
        "old": "https://x.webhook.office.com:443",
        "new": "https://x-webhook.office.com",
        "flow": "https://flows.example.test/workflows/1?sig=x",
    }
    spec = await through()
    for name, address in addresses.items():
        await world.provider(name, type="msteams", address=address, **spec)
        await world.alert(
            name, provider=name, eventMetadata={"zone": "z", "summary": "the shop", "env": "prod"}
        )
    await world.post("done", metadata={"revision": "main@sha1:abc"})
    found = {each.headers["host"]: each.json for each in await received(outside, 3)}
    assert found.pop("x.webhook.office.com")["@type"] == "MessageCard"
    assert set(found) == {"x-webhook.office.com", "flows.example.test"}
    for body in found.values():
        *_, table = body["attachments"][0]["content"]["body"][0]["items"]
        assert [each["title"] for each in table["facts"]] == ["summary", "env", "revision", "zone"]


@pytest.mark.case("notification-33")
@pytest.mark.parametrize("kind", [*CHATS, "nats", "googlepubsub"])
async def test_each_type_is_told_in_its_own_way(
    world, service, outside, through, kind, tmp_path, monkeypatch
):
    if kind == "nats":
        await published_to_nats(world, tmp_path)
    elif kind == "googlepubsub":
        await published_to_google(world, outside, through)
    else:
        await told_as_in_the_cases(world, service, outside, through, kind)


async def told_as_in_the_cases(world, service, outside, through, kind):
    cases = [CASES[kind, name] for name in ("info", "error", "bare")]
    spec = cases[0].provider(service.url)
    place = outside if cases[0].outside else service
    if cases[0].outside:
        spec |= await through()
    if cases[0].has_secret:
        await world.secret("login", **cases[0].secret(service.url))
        spec["secretRef"] = {"name": "login"}
        spec.setdefault("address", None)
    await world.provider(**spec)
    await alert_on_cases(world)
    before = 0
    for case in cases:
        await post(world, case.event)
        count = len(case.want["requests"])
        requests = await received(place, count, since=before)
        case.compare(requests, service.url, *OF_THE_CLUSTER)
        before += count
    assert await world.events("alert") == []


async def published_to_nats(world, folder):
    async with run_nats(folder) as nats:
        await world.provider(type="nats", address=f"nats://127.0.0.1:{nats.port}", channel="flux.events")
        await alert_on_cases(world)
        for name in ("info", "error", "bare"):
            event = CASES["generic", name].event
            await post(world, event)
            assert await nats.arrived.get() == ("flux.events", event.encoded())


async def published_to_google(world, outside, through):
    async with CloudServer() as tokens:
        tokens.answer("POST", "/token", {"access_token": "t-key", "expires_in": 3600})
        key = {
            "type": "service_account",
            "client_email": "flux@pro-1.iam.gserviceaccount.com",
            "private_key": rsa_key(),
            "token_uri": f"{tokens.address}/token",
        }
        await world.secret("key", token=json.dumps(key), headers="team: shop")
        spec = {"address": "pro-1", "channel": "flux", "secretRef": {"name": "key"}} | await through()
        await world.provider(type="googlepubsub", **spec)
        await alert_on_cases(world)
        for number, name in enumerate(("info", "error", "bare")):
            event = CASES["generic", name].event
            await post(world, event)
            [request] = await received(outside, 1, since=number)
            target = "/v1/projects/pro-1/topics/flux:publish"
            assert (request.method, request.target) == ("POST", target)
            assert request.headers["authorization"] == "Bearer t-key"
            [message] = request.json["messages"]
            assert base64.b64decode(message["data"]) == event.encoded()
            assert message["attributes"] == {"team": "shop"}


@pytest.mark.case("notification-34")
async def test_telegram_gets_chat_thread_and_escaped_text(world, outside, through):
    case = CASES["telegram", "special"]
    assert case.provider("")["channel"] == "-100:7"
    await world.secret("bot", **case.secret(""))
    spec = case.provider("") | await through()
    await world.provider(**spec, secretRef={"name": "bot"}, address=None)
    await alert_on_cases(world)
    await post(world, case.event)
    case.compare(await received(outside, 1), "")


@pytest.mark.case("notification-35")
@pytest.mark.parametrize(
    ("kind", "paths"), [("pagerduty", ["/v2/enqueue", "/v2/change/enqueue"]), ("incident.io", ["/alerts"])]
)
async def test_incidents_are_resolved_and_progress_is_not_told(world, service, kind, paths):
    await world.secret("token", token="t0ken")
    await world.provider(
        type=kind, address=f"{service.url}/alerts", channel="routing-key", secretRef={"name": "token"}
    )
    await world.alert()
    await world.post("on its way", reason="Progressing")
    await world.post("done", reason="ReconciliationSucceeded")
    requests = await received(service, len(paths))
    assert [each.target for each in requests] == paths
    uid = "00000000-0000-0000-0000-000000000001"
    body = requests[0].json
    if kind == "pagerduty":
        assert (body["event_action"], body["dedup_key"]) == ("resolve", uid)
    else:
        assert (body["status"], body["deduplication_key"]) == ("resolved", uid)
    # Deliveries about one object keep their order, so what is not here by now never comes.
    await world.post("done again", reason="ReconciliationSucceeded")
    assert len(await received(service, 2 * len(paths))) == 2 * len(paths)
    assert await world.events("alert") == []
