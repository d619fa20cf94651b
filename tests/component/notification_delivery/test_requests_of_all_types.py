"""What each type of provider is sent for an event, as data: an event, a Provider, a Secret, and the requests.

Every request really travels: to a server on loopback that keeps what comes in. Services whose host is fixed
are reached through a proxy that leads to that server, with TLS and an authority of our own.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from notification_controller.delivery import Unusable
from notification_controller.delivery.table import TYPES
from notification_controller.notification import NotDelivered
from shared.api.notification_v1beta3 import ProviderType
from shared.testing.inbox import Inbox, Reply
from shared.testing.provider_cases import FIXED_HOSTS, all_cases
from shared.testing.proxy import ForwardProxy, Guide

ALL = all_cases()
#: NATS is told by its own protocol.
CASES = [case for case in ALL if case.kind != ProviderType.NATS]


@pytest.fixture(autouse=True)
def machine(monkeypatch, inbox):
    """What gives the controller an identity at Google."""
    inbox.reply = Reply(200, b'{"access_token": "t-machine", "expires_in": 3600}')
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{inbox.port}")


@pytest.fixture
async def outside(authority):
    async with Inbox(tls=authority.server_context("127.0.0.1", *FIXED_HOSTS)) as inbox:
        yield inbox


@pytest.fixture
async def guide(outside):
    async with Guide(outside.port) as proxy:
        yield proxy


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_service_is_sent_what_it_understands(
    case, cluster, deliver, provider, inbox, outside, guide, authority
):
    spec = case.provider(inbox.url)
    if case.outside:
        cluster.add("ca", ca__crt=authority.pem)
        spec |= {"proxy": guide.url, "certSecretRef": "ca"}
    if case.has_secret:
        cluster.add("s", **case.secret(inbox.url))
        spec["secretRef"] = "s"
    place = outside if case.outside else inbox
    place.replies = [Reply(200, answer) for answer in case.answers]
    place.reply = Reply(case.status, case.answer)
    kind = spec.pop("type")
    if case.error or case.refused:
        with pytest.raises(Unusable if case.error else NotDelivered) as caught:
            await deliver(provider(kind, **spec), case.event, case.context)
        assert str(caught.value).startswith(case.error or case.refused)
    else:
        await deliver(provider(kind, **spec), case.event, case.context)
    case.compare(place.received, inbox.url)


@pytest.mark.parametrize("case", [case for case in CASES if case.name == "info"], ids=str)
async def test_each_service_is_reached_through_a_proxy_and_over_tls(
    case, cluster, deliver, provider, authority
):
    pair = authority.client("flux")
    tls = authority.server_context("127.0.0.1", *FIXED_HOSTS, clients=True)
    async with Inbox(tls=tls) as inbox, ForwardProxy(login=("pete", "pr0xy")) as proxy:
        proxy.routes = dict.fromkeys(FIXED_HOSTS, inbox.port)
        inbox.replies = [Reply(200, answer) for answer in case.answers]
        inbox.reply = Reply(case.status, case.answer)
        cluster.add("tls", ca__crt=authority.pem, tls__crt=pair.certificate, tls__key=pair.key)
        cluster.add("proxy", address=proxy.url, username="pete", password="pr0xy")
        cluster.add("s", **(case.secret(inbox.url) if case.has_secret else {}))
        spec = case.provider(inbox.url)
        given = provider(spec.pop("type"), **spec, secretRef="s", certSecretRef="tls", proxySecretRef="proxy")
        await deliver(given, case.event, case.context)
        case.compare(inbox.received, inbox.url)
        assert {each.client for each in inbox.received} == {"flux"}
        assert len(proxy.targets) == len(inbox.connections)


@pytest.mark.parametrize("year", [1, 1969, 9999])
async def test_a_collector_is_told_of_any_time(inbox, deliver, provider, failure, year):
    moment = datetime(year, 12, 31, tzinfo=UTC)
    await deliver(provider("otel", inbox.url), replace(failure, at=moment))
    (span,) = (
        ExportTraceServiceRequest.FromString(inbox.received[0].body).resource_spans[0].scope_spans[0].spans
    )
    assert span.start_time_unix_nano in (0, (1 << 64) - 1)


def test_each_type_has_its_cases():
    for kind in TYPES:
        names = {case.name for case in ALL if case.kind == kind}
        assert {"info", "error", "bare"} <= names, kind
