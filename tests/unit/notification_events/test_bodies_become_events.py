"""Bodies of calls become events, or a 400; nothing in them can do worse."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_controller.event import Event
from notification_controller.events.decoding import NotAnEvent, decode
from notification_controller.events.duplicates import key_of
from notification_controller.events.metadata import cleaned, combined, without_token
from shared.api.decode import decode as decode_object
from shared.api.notification_v1beta3 import Alert

BODY = {
    "involvedObject": {
        "kind": "Kustomization",
        "namespace": "apps",
        "name": "web",
        "uid": "u1",
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "resourceVersion": "7",
        "fieldPath": "spec",
    },
    "severity": "error",
    "timestamp": "2026-01-02T03:04:05Z",
    "message": "<b> & \u2028",
    "reason": "Failed",
    "metadata": {"kustomize.toolkit.fluxcd.io/revision": "main@sha1:1", "a": ""},
    "reportingController": "kustomize-controller",
    "reportingInstance": "pod-1",
}
ALERT = decode_object(
    Alert,
    {
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {
            "providerRef": {"name": "c"},
            "eventSources": [],
            "eventMetadata": {"k": "v"},
            "summary": "s",
        },
    },
)


def body(**changes):
    return json.dumps(BODY | changes).encode()


def test_every_member_arrives_and_goes_out_as_it_came():
    event = decode(body())
    assert event.wire() == BODY | {"metadata": dict(sorted(BODY["metadata"].items()))}
    assert event.at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert event.failed


@pytest.mark.parametrize("empty", [b"null", b"{}", b'{"involvedObject":null,"metadata":null,"x":[1]}'])
def test_what_is_absent_or_null_is_empty(empty):
    assert decode(empty).message == ""
    assert decode(empty).at is None
    assert decode(empty).metadata == {}


@pytest.mark.parametrize("text", [b"\\ud83d", b"\\uDE00\\ud83d", b"\xff", b"\xc3", b"\xed\xa0\x80"])
def test_what_is_no_unicode_is_replaced(text):
    event = decode(b'{"message":"a%bb","metadata":{"%b":"\\ud83d\\ude00"}}' % (text, text))
    (name,) = event.metadata
    assert set(event.message) - set("ab") == set(name) == {"\ufffd"}
    assert event.metadata[name] == "\U0001f600"
    event.encoded()


def test_keys_are_found_whatever_their_case_and_the_last_one_counts():
    event = decode(b'{"MESSAGE":"a","message":"b","InvolvedOBJECT":{"KIND":"K"}}')
    assert (event.message, event.involved.kind) == ("b", "K")


@pytest.mark.parametrize(
    "text", ["2026-01-02T03:04:05.123456789Z", "2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05Z"]
)
def test_times_may_have_fractions_and_zones(text):
    assert decode(body(timestamp=text)).wire()["timestamp"] == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"{} {}",
        b"\xff\xfe",
        b'{"message":"\xff"',
        b"[" * 5000,
        body(message=1),
        body(severity=[]),
        body(involvedObject="x"),
        body(involvedObject={"name": 1}),
        body(metadata=[]),
        body(metadata={"a": 1}),
        body(metadata={"a": {}}),
        body(timestamp="yesterday"),
        body(timestamp=""),
        body(timestamp=5),
        body(timestamp="2026-01-02"),
        body(timestamp="20260102T030405Z"),
        body(timestamp="2026-02-30T03:04:05Z"),
        body(timestamp="0001-01-01T00:00:00+23:59"),
    ],
)
def test_anything_else_is_refused_without_repeating_it(bad):
    with pytest.raises(NotAnEvent) as caught:
        decode(bad)
    assert "yesterday" not in str(caught.value)
    assert "\n" not in str(caught.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*BODY, *BODY["involvedObject"]]) | st.text(max_size=5), inner, max_size=6
        )
    ),
    max_leaves=12,
)
#: JSON that often has the right names, sometimes with something else below them.
bodies = (
    st.binary(max_size=80)
    | values.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({}, optional=dict.fromkeys(BODY, values)).map(
        lambda value: json.dumps(BODY | value).encode()
    )
)


@given(bodies)
def test_no_body_does_worse_than_being_refused(payload):
    try:
        event = decode(payload)
    except NotAnEvent:
        return
    assert isinstance(event, Event)
    kept = cleaned(event)
    assert len(key_of(kept)) == 64
    assert combined(without_token(kept), ALERT).metadata["k"]
    assert decode(event.encoded()).wire() == event.wire()
