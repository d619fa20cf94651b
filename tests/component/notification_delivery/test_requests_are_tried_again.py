"""A service that is away for a moment gets its notification; one that refuses is not asked again."""

import asyncio
import socket

import pytest

from notification_controller.notification import NotDelivered
from shared.testing.inbox import Inbox, Reply, Rest

pytestmark = pytest.mark.looptime(noop_cycles=2000)


def now():
    return asyncio.get_running_loop().time()


async def test_after_two_errors_one_message_is_delivered_in_six_seconds(inbox, deliver, provider):
    inbox.replies = [Reply(500), Reply(500)]
    start = now()
    await deliver(provider("generic", inbox.url))
    assert [now() - start, len(inbox.received)] == [pytest.approx(6, abs=0.1), 3]
    assert len({each.body for each in inbox.received}) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 501, 301, 304])
async def test_what_is_refused_is_not_sent_again(inbox, deliver, status, provider):
    inbox.reply = Reply(status, b"no such hook" if status != 304 else b"")
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("generic", inbox.url))
    said = f"request failed with status code {status}" + (": no such hook" if status != 304 else "")
    assert str(caught.value) == said
    assert not caught.value.retry
    assert len(inbox.received) == 1


async def test_the_last_answer_is_reported_when_no_other_try_fits_into_the_timeout(inbox, deliver, provider):
    inbox.reply = Reply(503, b"x" * 2000)
    start = now()
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("generic", inbox.url))
    assert str(caught.value).startswith("request failed with status code 503: xxx")
    assert len(str(caught.value).partition(": ")[2].encode()) <= 512
    assert caught.value.retry
    # Tries begin after 0, 2, 6 and 14 seconds; the fifth would begin after 30.
    assert [now() - start, len(inbox.received)] == [pytest.approx(14, abs=0.1), 4]


async def test_five_tries_are_the_most(inbox, deliver, provider):
    inbox.reply = Reply(500)
    with pytest.raises(NotDelivered):
        await deliver(provider("generic", inbox.url, timeout="10m"))
    assert len(inbox.received) == 5


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("timeout", ["15s", "5s"])
async def test_a_service_is_left_alone_for_as_long_as_it_wants(inbox, deliver, status, timeout, provider):
    inbox.replies = [Reply(status, b"slower", {"Retry-After": "9"})]
    start = now()
    if timeout == "15s":
        await deliver(provider("generic", inbox.url, timeout=timeout))
        assert [now() - start, len(inbox.received)] == [pytest.approx(9, abs=0.1), 2]
    else:
        with pytest.raises(NotDelivered, match=f"status code {status}: slower"):
            await deliver(provider("generic", inbox.url, timeout=timeout))
        assert [now() - start, len(inbox.received)] == [pytest.approx(0, abs=0.1), 1]


async def test_a_service_that_never_answers_costs_no_more_than_the_timeout(inbox, deliver, provider):
    inbox.replies = [Reply(500, b"broken")]
    inbox.reply = Reply(None)
    start = now()
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("generic", inbox.url, timeout="7s"))
    assert now() - start == pytest.approx(7, abs=0.1)
    told = "no answer within the timeout of 7s, before that: request failed with status code 500: broken"
    assert str(caught.value) == told
    assert caught.value.retry


async def test_a_service_that_comes_back_is_reached(deliver, provider):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    inbox = Inbox(port=port)

    async def come_back():
        await asyncio.sleep(5)
        await inbox.__aenter__()

    async with asyncio.TaskGroup() as group:
        group.create_task(come_back())
        await deliver(provider("generic", f"http://127.0.0.1:{port}"))
    await inbox.__aexit__(None, None, None)
    assert len(inbox.received) == 1


async def test_a_service_that_is_not_there_is_named(deliver, provider):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("generic", f"http://127.0.0.1:{port}/path"))
    assert str(caught.value).startswith(f"can't connect to 127.0.0.1:{port}: ")
    assert caught.value.retry


def elsewhere(inbox):
    """The same server by another name of its host."""
    return inbox.url.replace("127.0.0.1", "localhost")


async def test_redirects_are_followed_where_the_message_stays_the_same(inbox, deliver, cluster, provider):
    cluster.add("s", token="k-e-y", headers="X-Key: k-e-y")
    async with Inbox() as other:
        inbox.replies = [
            Reply(307, headers={"Location": "/new"}),
            Reply(308, headers={"Location": other.url}),
        ]
        await deliver(provider("generic-hmac", f"{inbox.url}/old", secretRef="s"))
        assert [each.target for each in inbox.received + other.received] == ["/old", "/new", "/"]
        first, *rest = inbox.received + other.received
        told = ("x-key", "x-signature", "gotk-component", "content-type")
        for each in rest:
            assert (each.method, each.body) == ("POST", first.body)
            assert [each.headers[name] for name in told] == [first.headers[name] for name in told]


async def test_another_host_is_led_to_with_the_signature(inbox, deliver, cluster, provider):
    cluster.add("s", token="k-e-y")
    inbox.replies = [Reply(308, headers={"Location": elsewhere(inbox)})]
    await deliver(provider("generic-hmac", inbox.url, secretRef="s"))
    first, second = inbox.received
    assert second.headers["host"].startswith("localhost")
    for name in ("x-signature", "gotk-component", "content-type"):
        assert second.headers[name] == first.headers[name]


@pytest.mark.parametrize(
    ("kind", "secret"),
    [("generic-hmac", {"token": "t0ken", "headers": "X-Key: k-e-y"}), ("grafana", {"token": "t0ken"})],
)
async def test_another_host_gets_no_message_that_needs_secrets(
    inbox, deliver, cluster, provider, kind, secret
):
    cluster.add("s", **secret)
    inbox.reply = Reply(308, headers={"Location": elsewhere(inbox)})
    with pytest.raises(NotDelivered, match=r"^127\.0\.0\.1 redirects to localhost, which must not") as caught:
        await deliver(provider(kind, inbox.url, secretRef="s"))
    assert not caught.value.retry
    assert len(inbox.received) == 1


async def test_redirects_without_an_end_are_not_followed_for_ever(inbox, deliver, provider):
    inbox.reply = Reply(307, headers={"Location": "/again"})
    with pytest.raises(NotDelivered, match="redirects again and again"):
        await deliver(provider("generic", inbox.url))
    assert len(inbox.received) == 11


@pytest.mark.parametrize("rest", Rest)
async def test_what_was_taken_is_not_sent_again_when_the_answer_breaks_off(inbox, deliver, provider, rest):
    inbox.reply = Reply(200, b"ok", rest=rest)
    start = now()
    await deliver(provider("generic", inbox.url, timeout="8s"))
    assert [now() - start, len(inbox.received)] == [pytest.approx(4 if rest is Rest.LATE else 0, abs=0.1), 1]


async def test_an_answer_that_can_not_be_unpacked_is_one_all_the_same(inbox, deliver, provider):
    inbox.reply = Reply(200, b"not packed", {"Content-Encoding": "gzip"})
    await deliver(provider("generic", inbox.url))
    assert len(inbox.received) == 1


@pytest.mark.parametrize("rest", Rest)
async def test_a_refusal_counts_when_the_answer_breaks_off(inbox, deliver, provider, rest):
    inbox.reply = Reply(400, b"no such ho", rest=rest)
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("generic", inbox.url))
    assert str(caught.value) == "request failed with status code 400: no such ho"
    assert len(inbox.received) == 1


async def test_what_only_asks_is_asked_again_when_the_answer_breaks_off(
    inbox, deliver, provider, cluster, info
):
    cluster.add("s", token="t0ken")
    inbox.replies = [Reply(200, b"[", rest=Rest.CUT), Reply(200, b"[]"), Reply(201, b"{", rest=Rest.CUT)]
    await deliver(provider("gitea", f"{inbox.url}/org/repo", secretRef="s"), info, "apps/web")
    assert [each.method for each in inbox.received] == ["GET", "GET", "POST"]
    assert [each.headers.get("content-type") for each in inbox.received] == [None, None, "application/json"]
