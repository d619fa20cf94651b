"""A collector may answer 200 and still have taken nothing; its words are in the error."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from notification_controller.notification import NotDelivered
from shared.testing.inbox import Reply

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def response(rejected, message):
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return ExportTraceServiceResponse(partial_success=partial).SerializeToString()


async def test_a_rejected_span_is_a_failure(inbox, deliver, provider):
    inbox.reply = Reply(200, response(1, "too old"), PROTOBUF)
    with pytest.raises(NotDelivered) as caught:
        await deliver(provider("otel", inbox.url))
    assert str(caught.value) == "the collector rejected the span: too old"


@pytest.mark.parametrize(
    "body", [b"", response(0, ""), response(0, "a warning"), ExportTraceServiceResponse().SerializeToString()]
)
async def test_what_is_taken_is_no_failure(inbox, deliver, provider, body):
    inbox.reply = Reply(200, body, PROTOBUF)
    await deliver(provider("otel", inbox.url))


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"\xff\xff", PROTOBUF), (b"\x0f\x0f", PROTOBUF), (b"{}", {"Content-Type": "application/json"})],
)
async def test_answers_that_nobody_understands_are_left_alone(inbox, deliver, provider, body, headers):
    inbox.reply = Reply(200, body, headers)
    await deliver(provider("otel", inbox.url))
