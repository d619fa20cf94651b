"""The notification sink against a receiver on loopback."""

import json
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from shared.events import NotificationSink, Severity


class Receiver:
    """Answers with the given codes in turn, the last one for ever; None breaks the connection off."""

    def __init__(self, codes):
        self.codes = codes
        self.got = []

    async def handle(self, request):
        self.got.append((request.headers["Content-Type"], json.loads(await request.read())))
        code = self.codes[min(len(self.got), len(self.codes)) - 1]
        if code is None:
            request.transport.abort()
        return web.Response(status=code or 202)


@pytest.fixture
async def receiver():
    servers = []
    async with aiohttp.ClientSession() as session:

        async def start(*codes):
            one = Receiver(codes)
            application = web.Application()
            application.router.add_post("/", one.handle)
            runner = web.AppRunner(application)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            servers.append(runner)
            host, port = runner.addresses[0][:2]
            address = f"http://{host}:{port}/"
            one.sink = NotificationSink(
                address, "kustomize-controller", "host-1", session, pause=timedelta(0)
            )
            return one

        yield start
        for runner in servers:
            await runner.cleanup()


async def test_an_event_is_one_json_document(receiver, event):
    one = await receiver(202)
    await one.sink.send(event("Applied revision: v1", metadata={"event.toolkit.fluxcd.io/team": "a"}))
    assert one.got == [
        (
            "application/json",
            {
                "involvedObject": {
                    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                    "kind": "Kustomization",
                    "namespace": "apps",
                    "name": "web",
                    "uid": "u1",
                    "resourceVersion": "7",
                },
                "severity": "info",
                "timestamp": "2026-01-02T03:04:05Z",
                "message": "Applied revision: v1",
                "reason": "Progressing",
                "metadata": {"event.toolkit.fluxcd.io/team": "a"},
                "reportingController": "kustomize-controller",
                "reportingInstance": "host-1",
            },
        )
    ]


async def test_a_long_message_is_cut(receiver, event):
    one = await receiver(202)
    await one.sink.send(event("x" * 50_000))
    assert len(one.got[0][1]["message"]) == 39_000


@pytest.mark.case("runtime-26")
async def test_a_duplicate_is_posted_once_and_trouble_at_most_five_times(receiver, event):
    duplicate = await receiver(429)
    await duplicate.sink.send(event())
    assert len(duplicate.got) == 1
    trouble = await receiver(500)
    with pytest.raises(aiohttp.ClientError, match="500"):
        await trouble.sink.send(event())
    assert len(trouble.got) == 5


async def test_delivery_is_repeated_until_it_works(receiver, event):
    one = await receiver(503, None, 202)
    await one.sink.send(event())
    assert len(one.got) == 3


async def test_a_refusal_is_final(receiver, event):
    one = await receiver(400)
    with pytest.raises(aiohttp.ClientError, match="400"):
        await one.sink.send(event())
    assert len(one.got) == 1


async def test_traces_and_events_of_nameless_objects_stay_at_home(receiver, event):
    one = await receiver(202)
    assert one.sink.wants(event())
    assert not one.sink.wants(event(severity=Severity.TRACE))
    assert not one.sink.wants(event(namespace=""))
    assert not one.sink.wants(event(name=""))


@pytest.mark.parametrize(
    "address", [" http://x", "http://x ", "x:80", "ftp://x", "http://", "", "http://[::1"]
)
def test_an_address_that_is_no_url_is_refused(address):
    with pytest.raises(ValueError, match="--events-addr"):
        NotificationSink(address, "c", "h", None)
