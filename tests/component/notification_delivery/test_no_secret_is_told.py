"""Whatever goes wrong, and whatever a service answers: nothing of a Secret is in what is said about it."""

import socket

import pytest

from notification_controller.delivery import Unusable
from notification_controller.notification import NotDelivered
from shared.testing.inbox import Reply

PATH = "services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
SECRETS = {
    "token": "xoxb-t0ken-value",
    "username": "bot-name",
    "password": "p4ss/w0rd+é",
    "headers": "X-Api-Key: k3y-in-header\nAuthorization: Bearer be4rer",
}


def assert_safe(text, *more):
    for value in (PATH, "XXXXXXXX", "k3y-in-header", "be4rer", "q-secret", *SECRETS.values(), *more):
        assert value not in text, text


@pytest.mark.looptime(noop_cycles=2000)
async def test_an_address_that_refuses_connections_keeps_its_path_to_itself(deliver, provider, cluster):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    cluster.add("s", address=f"http://127.0.0.1:{port}/{PATH}?key=q-secret", **SECRETS)
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("slack", secretRef="s"))
    assert_safe(str(caught.value))
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", ["slack", "generic", "generic-hmac", "webex", "otel", "datadog", "zoom"])
async def test_a_service_that_repeats_what_it_was_sent(inbox, deliver, provider, cluster, kind):
    cluster.add("s", address=f"{inbox.url}/{PATH}?key=q-secret", **SECRETS)
    said = (
        f"no such hook: /{PATH}?key=q-secret with xoxb-t0ken-value, Basic Ym90LW5hbWU6cDRzcy93MHJkK8Op, "
        'k3y-in-header, Bearer be4rer, {"password":"p4ss/w0rd+\\u00e9"}, p4ss%2Fw0rd%2B%C3%A9, p4ss/w0rd+é'
    )
    inbox.reply = Reply(400, said.encode())
    with pytest.raises(NotDelivered, match="request failed with status code 400: no such hook: ") as caught:
        await deliver(provider(kind, secretRef="s"))
    assert_safe(str(caught.value), "Ym90LW5hbWU6cDRzcy93MHJkK8Op", "p4ss%2F")


async def test_a_secret_at_the_end_of_what_is_quoted_is_not_told_in_part(inbox, deliver, provider, cluster):
    cluster.add("s", address=inbox.url, token="xoxb-t0ken-value")
    for before in range(470, 520):
        inbox.reply = Reply(400, b"." * before + b"xoxb-t0ken-value and more" * 10)
        with pytest.raises(NotDelivered) as caught:
            await deliver(provider("slack", secretRef="s"))
        assert "xoxb" not in str(caught.value)


async def test_the_reason_of_slack_is_masked(inbox, deliver, provider, cluster, monkeypatch):
    monkeypatch.setattr("notification_controller.delivery.types.slack._API", inbox.url)
    cluster.add("s", address=inbox.url, token="xoxb-t0ken-value")
    inbox.reply = Reply(200, b'{"ok":false,"error":"bad token xoxb-t0ken-value"}')
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("slack", secretRef="s"))
    assert str(caught.value) == "Slack responded with error: bad token *****"


@pytest.mark.parametrize("address", [f"hooks.slack.com/{PATH}", f"ftp://hooks/{PATH}", f"http://[/{PATH}"])
async def test_an_address_that_can_not_be_used_is_not_repeated(notifiers, provider, cluster, address):
    cluster.add("s", address=address)
    with pytest.raises(Unusable) as caught:
        await notifiers.open(provider("slack", secretRef="s"))
    assert_safe(str(caught.value))


async def test_credentials_never_show_in_what_is_printed_of_an_opened_provider(notifiers, provider, cluster):
    cluster.add("s", address=f"http://127.0.0.1/{PATH}", **SECRETS)
    for kind in ("slack", "generic", "otel"):
        notifier = await notifiers.open(provider(kind, secretRef="s"))
        assert_safe(repr(notifier))
        assert_safe(repr(notifier._access))
