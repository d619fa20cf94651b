"""Payloads of registries and forms are read by the fields that are used."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_controller.receivers.payloads import (
    ACR,
    DOCKERHUB,
    NEXUS,
    QUAY,
    check_form_or_json,
    check_shape,
    pushed_through_pubsub,
)
from notification_controller.receivers.webhook import NotAcceptable, Webhook

SHAPES = {"DockerHub": DOCKERHUB, "Quay": QUAY, "ACR": ACR, "Nexus": NEXUS}
FORM = "application/x-www-form-urlencoded"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("source", "payload"),
    [
        ("DockerHub", {"push_data": {"tag": "1.0"}, "repository": {"repo_url": "https://hub/x", "stars": 1}}),
        ("DockerHub", {"push_data": None, "repository": {"repo_url": None}}),
        ("Quay", {"docker_url": "quay.io/a/b", "updated_tags": ["1", "2"]}),
        ("Quay", {"updated_tags": []}),
        ("ACR", {"action": "push", "target": {"repository": "a", "tag": "b", "size": 1}}),
        ("Nexus", {"action": "CREATED", "repositoryName": "r", "audit": {}}),
        ("Nexus", {}),
    ],
)
def test_fields_that_are_used_have_a_type(source, payload):
    assert check_shape(source, json.dumps(payload).encode(), SHAPES[source]) == payload


@pytest.mark.parametrize(
    ("source", "body", "why"),
    [
        ("DockerHub", b'{"push_data":{"tag":1}}', "push_data.tag is not a string"),
        ("DockerHub", b'{"push_data":"x"}', "push_data is not an object"),
        ("DockerHub", b'{"repository":{"repo_url":[]}}', "repository.repo_url is not a string"),
        ("Quay", b'{"updated_tags":"latest"}', "updated_tags is not a list of strings"),
        ("Quay", b'{"updated_tags":[1]}', "updated_tags is not a list of strings"),
        ("ACR", b'{"target":{"tag":{}}}', "target.tag is not a string"),
        ("Nexus", b'{"action":true}', "action is not a string"),
        ("Nexus", b"", "cannot decode the payload of Nexus"),
        ("Nexus", b"[]", "a JSON object is needed here, found an array"),
        ("Nexus", b'{"a":"\xff"', "not valid JSON"),
    ],
)
def test_other_payloads_are_refused(source, body, why):
    with pytest.raises(NotAcceptable, match=why):
        check_shape(source, body, SHAPES[source])


def message(data, **more):
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    return json.dumps({"message": {"data": encoded, "messageId": "1", **more}, "subscription": "s"}).encode()


def test_nothing_behind_a_payload_is_read():
    body = b'{"push_data":{"tag":"1"}}\n{"push_data":1}'
    assert check_shape("DockerHub", body, DOCKERHUB) == {"push_data": {"tag": "1"}}
    told = {"action": "INSERT", "digest": "gcr.io/a@sha256:1", "tag": "gcr.io/a:1"}
    assert pushed_through_pubsub(message(told) + b"\n{}") == told


def test_google_wraps_what_it_says():
    told = {"action": "INSERT", "digest": "gcr.io/a@sha256:1", "tag": "gcr.io/a:1", "more": 1}
    read = pushed_through_pubsub(message(told, publishTime="2026-01-01T00:00:00.123456789Z"))
    assert read == {"action": "INSERT", "digest": "gcr.io/a@sha256:1", "tag": "gcr.io/a:1"}
    assert pushed_through_pubsub(message({"action": "DELETE"})) == {
        "action": "DELETE",
        "digest": "",
        "tag": "",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"message":{"data":"no base64"}}',
        b'{"message":{"data":"\xc3\xa9"}}',
        b'{"message":{"data":1}}',
        b'{"message":[]}',
        message([]),
        message({"action": 1}),
        message({}, publishTime="yesterday"),
        message({}, messageId=1),
    ],
)
def test_what_google_does_not_say_is_refused(body):
    with pytest.raises(NotAcceptable, match="cannot decode the payload of GCR"):
        pushed_through_pubsub(body)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("application/json; charset=utf-8", b""),
        ("Application/JSON", b"not read yet"),
        (FORM, b"payload=%7B%7D"),
        (f"{FORM}; charset=utf-8", b"a=1&payload=%7b%22ref%22%3A%22x%22%7d"),
    ],
)
def test_github_sends_json_or_a_form(content_type, body):
    check_form_or_json("GitHub", Webhook({"Content-Type": content_type}, body))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"{}"),
        ("", b"{}"),
        ("application/json2", b"{}"),
        ("multipart/form-data", b"payload=1"),
        (FORM, b""),
        (FORM, b"other=1"),
        (FORM, b"payload=%zz"),
        (FORM, b"payload=1;x=2"),
        (FORM, b"payload=%"),
        (FORM, b"&" * 2000 + b"payload=1"),
    ],
)
def test_anything_else_is_refused(content_type, body):
    with pytest.raises(NotAcceptable):
        check_form_or_json("GitHub", Webhook({"Content-Type": content_type}, body))


@given(value=VALUES)
def test_any_json_is_read_or_refused(value):
    body = json.dumps(value).encode(errors="surrogatepass")
    for source, shape in SHAPES.items():
        for tried in (body, json.dumps(dict.fromkeys(shape, value)).encode()):
            with suppress(NotAcceptable):
                check_shape(source, tried, shape)
    for tried in (body, json.dumps({"message": value}).encode(), message(value)):
        with suppress(NotAcceptable):
            pushed_through_pubsub(tried)


@given(body=st.binary(), content_type=st.text())
def test_any_bytes_are_read_or_refused(body, content_type):
    attempts = [
        lambda: check_form_or_json("GitHub", Webhook({"Content-Type": content_type}, body)),
        lambda: check_form_or_json("GitHub", Webhook({"Content-Type": FORM}, body)),
        lambda: pushed_through_pubsub(body),
        lambda: check_shape("Quay", body, QUAY),
    ]
    for attempt in attempts:
        with suppress(NotAcceptable):
            attempt()
