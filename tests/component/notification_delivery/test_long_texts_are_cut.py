"""A message of any length is taken: it is cut so that the whole of it fits, in the measure of the service."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from notification_controller.delivery.text import TRUNCATED
from shared.testing.inbox import Inbox
from shared.testing.proxy import Guide


def attachment(body):
    return body["attachments"][0]


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def embed(body):
    part = attachment(body)
    fields = [(each["title"], each["value"]) for each in part["fields"]]
    assert len(fields) <= 25
    assert all(len(name) <= 256 and len(value) <= 1024 for name, value in fields)
    assert len(part["author_name"]) + sum(map(len, sum(fields, ()))) + len(part["text"]) <= 6000
    return part["text"]


def items(body):
    return body["attachments"][0]["content"]["body"][0]["items"]


#: For each type the message as it was sent, how long it is, and how long it may be.
LIMITS = {
    "slack": ({}, lambda body: attachment(body)["text"], len, 8000),
    "discord": ({}, embed, len, 4096),
    "googlechat": (
        {},
        lambda body: body["cards"][0]["sections"][0]["widgets"][0]["textParagraph"]["text"],
        len,
        4096,
    ),
    "webex": ({}, lambda body: body["markdown"], lambda text: len(text.encode()), 7439),
    "opsgenie": ({"token": "t0ken"}, lambda body: body["description"], len, 15_000),
    "datadog": ({"token": "t0ken"}, lambda body: body["text"], len, 4000),
    "lark": (
        {},
        lambda body: body["card"]["elements"][0]["text"]["content"],
        lambda text: len(text.encode()),
        18_000,
    ),
    "matrix": ({"channel": "!r:x"}, lambda body: body["body"], lambda text: len(text.encode()), 40_000),
}
MESSAGES = {"plain": "word " * 8000, "signs": "<&_*äß>💣" * 5000}
METADATA = {"none": {}, "much": {f"key-{n:02}": "välue & <more> " * 200 for n in range(60)}}


@pytest.fixture(params=sorted(MESSAGES))
def message(request):
    return MESSAGES[request.param]


@pytest.fixture(params=sorted(METADATA))
def event(request, message, failure):
    return replace(failure, message=message, metadata=METADATA[request.param])


@pytest.mark.parametrize("kind", sorted(LIMITS))
async def test_the_message_fits(kind, inbox, deliver, provider, cluster, event):
    more, text_of, size, most = LIMITS[kind]
    spec = dict(more)
    if token := spec.pop("token", None):
        cluster.add("s", token=token)
        spec["secretRef"] = "s"
    await deliver(provider(kind, inbox.url, **spec), event)
    text = text_of(inbox.received[0].json)
    assert size(text) <= most
    assert TRUNCATED in text
    if not event.metadata:
        assert size(text) > most - 40  # no more than needed is cut


@pytest.mark.parametrize("kind", ["slack", "rocket"])
async def test_fields_fit(kind, inbox, deliver, provider, event):
    await deliver(provider(kind, inbox.url), event)
    values = [field["value"] for field in attachment(inbox.received[0].json)["fields"]]
    assert all(len(value) <= 2000 and value.endswith(TRUNCATED) for value in values)
    assert sum(len(value.encode()) for value in values) <= 20_000


async def test_a_whole_card_of_teams_fits(inbox, deliver, provider, event):
    await deliver(provider("msteams", inbox.url), event)
    assert len(inbox.received[0].body) <= 28 * 1024
    text = items(inbox.received[0].json)[1]["text"]
    assert text.endswith(TRUNCATED)
    assert len(inbox.received[0].body) > 28 * 1024 - 60


async def test_a_message_of_zulip_fits(inbox, deliver, provider, event):
    await deliver(provider("zulip", inbox.url, channel="ops/web"), event)
    content = parse_qs(inbox.received[0].body.decode())["content"][0]
    assert len(content) <= 10_000
    assert TRUNCATED in content
    assert content.startswith("## Flux Status\n\n⚠️ Kustomization/apps/web\n\n")


async def test_a_message_of_telegram_fits_after_escaping(deliver, provider, cluster, event, authority):
    async with (
        Inbox(tls=authority.server_context("api.telegram.org")) as inbox,
        Guide(inbox.port) as proxy,
    ):
        cluster.add("s", token="1:a")
        cluster.add("ca", ca__crt=authority.pem)
        given = provider("telegram", channel="1", proxy=proxy.url, secretRef="s", certSecretRef="ca")
        await deliver(given, event)
    text = inbox.received[0].json["text"]
    assert utf16(text) <= 4096
    assert r"\.\.\. \(truncated\)" in text


async def test_the_summary_of_pagerduty_fits(inbox, deliver, provider, failure):
    long = replace(failure, reason="Very" * 400)
    await deliver(provider("pagerduty", inbox.url, channel="k"), long)
    assert len(inbox.received[0].json["payload"]["summary"]) <= 1024


#: Types that make something of a message; a login is only what they need.
COMPOSING = {
    "alertmanager": {},
    "datadog": {"token": "t0ken"},
    "discord": {},
    "generic": {},
    "googlechat": {},
    "grafana": {"token": "t0ken"},
    "incident.io": {"token": "t0ken"},
    "lark": {},
    "matrix": {"channel": "!r:x"},
    "msteams": {},
    "opsgenie": {"token": "t0ken"},
    "pagerduty": {"channel": "k"},
    "rocket": {},
    "slack": {},
    "webex": {},
    "zoom": {"token": "t0ken"},
    "zulip": {"channel": "ops/web"},
}


@pytest.mark.parametrize("run", ["[", "](", "[]", "_", "*", "\\", "<", "\n", "e\u0301", "\u200d"], ids=repr)
@pytest.mark.parametrize("kind", sorted(COMPOSING))
async def test_no_run_of_signs_takes_more_time_than_its_length(
    kind, run, inbox, deliver, provider, cluster, failure
):
    """A time that grows with the square of the length would be minutes."""
    spec = dict(COMPOSING[kind])
    if token := spec.pop("token", None):
        cluster.add("s", token=token)
        spec["secretRef"] = "s"
    long = run * (75_000 // len(run))
    await deliver(provider(kind, inbox.url, **spec), replace(failure, message=long, metadata={"key": long}))
    assert len(inbox.received) == 1
