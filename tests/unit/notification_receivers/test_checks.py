"""What each type of Receiver asks of a call: a good one and what makes it bad."""

import hmac
import json

import pytest

from notification_controller.receivers.checks import authenticate, read
from notification_controller.receivers.material import Material, NoToken
from notification_controller.receivers.webhook import NotAcceptable, Unauthenticated, Webhook

TOKEN, BODY = b"s3cr3t", b'{"ref":"refs/heads/main"}'
MATERIAL = Material(TOKEN)


def signed(algorithm, body=BODY):
    return f"{algorithm}={hmac.new(TOKEN, body, algorithm).hexdigest()}"


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("generic", {}),
        ("generic-hmac", {"X-Signature": signed("sha512")}),
        ("github", {"X-Hub-Signature-256": signed("sha256")}),
        ("github", {"X-Hub-Signature": signed("sha1")}),
        # Bitbucket: the shorter name with the longer digest.
        ("bitbucket", {"X-Hub-Signature": signed("sha256")}),
        ("gitlab", {"X-Gitlab-Token": "s3cr3t"}),
        ("harbor", {"Authorization": "s3cr3t"}),
        ("nexus", {"X-Nexus-Webhook-Signature": signed("sha1").partition("=")[2]}),
        ("dockerhub", {}),
        ("quay", {}),
        ("acr", {}),
        ("cdevents", {}),
    ],
)
def test_callers_that_know_the_token(kind, headers):
    authenticate(kind, Webhook(headers, BODY), MATERIAL)


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("generic-hmac", {}),
        ("generic-hmac", {"X-Hub-Signature-256": signed("sha256")}),
        ("generic-hmac", {"X-Signature": signed("md5")}),
        ("github", {}),
        ("github", {"X-Hub-Signature-256": signed("sha256", b"other")}),
        # The stronger one counts, and a good weaker one does not help it.
        ("github", {"X-Hub-Signature-256": signed("sha256", b"other"), "X-Hub-Signature": signed("sha1")}),
        ("bitbucket", {"X-Hub-Signature": "sha256="}),
        ("gitlab", {}),
        ("gitlab", {"X-Gitlab-Token": "s3cr3"}),
        ("harbor", {"Authorization": "Bearer s3cr3t"}),
        ("nexus", {"X-Nexus-Webhook-Signature": signed("sha1")}),
    ],
)
def test_callers_that_do_not(kind, headers):
    with pytest.raises(Unauthenticated):
        authenticate(kind, Webhook(headers, BODY), MATERIAL)


@pytest.mark.parametrize(
    ("kind", "header", "host"),
    [
        ("github", "X-GitHub-Event", "GitHub"),
        ("gitlab", "X-Gitlab-Event", "GitLab"),
        ("bitbucket", "X-Event-Key", "Bitbucket server"),
    ],
)
def test_events_are_told_by_a_header(kind, header, host):
    def call(event):
        return Webhook({header: event, "Content-Type": "application/json"}, BODY)

    assert read(kind, call("push"), ()) is None
    assert read(kind, call("PUSH"), ("ping", "Push")) is None
    for event in ("ping", "", "pus"):
        with pytest.raises(NotAcceptable, match=f"the {host} event '{event}' is not authorised"):
            read(kind, call(event), ("push",))


def test_the_event_of_a_cdevent_is_that_of_its_header():
    context = {
        "version": "0.4.1",
        "id": "1",
        "source": "/ci",
        "type": "dev.cdevents.build.started.0.2.0",
        "timestamp": "2026-01-05T17:31:00Z",
    }
    body = json.dumps({"context": context, "subject": {"id": "1", "type": "build", "content": {}}}).encode()
    read("cdevents", Webhook({"Ce-Type": "dev.cdevents.build.started.0.2.0"}, body), (context["type"],))
    with pytest.raises(NotAcceptable, match="not authorised"):
        read("cdevents", Webhook({}, body), (context["type"],))
    with pytest.raises(NotAcceptable, match="is no CDEvent"):
        read("cdevents", Webhook({"Ce-Type": context["type"]}, b"{}"), (context["type"],))


@pytest.mark.parametrize("kind", ["generic", "generic-hmac", "harbor", "dockerhub", "quay", "acr", "nexus"])
def test_types_without_events_answer_all(kind):
    assert read(kind, Webhook({}, b"{}"), ("push",)) is None


def test_filters_of_gcr_read_what_is_in_the_message():
    body = b'{"message":{"data":"eyJ0YWciOiJhOjEifQ=="}}'
    assert read("gcr", Webhook({}, body), ()) == {"action": "", "digest": "", "tag": "a:1"}


def test_a_secret_needs_a_token_and_shows_none():
    material = Material.of("a/b", {"token": b"s3cr3t", "email": b"e@example.com", "audience": b"aud"})
    assert (material.token, material.email, material.audience) == (b"s3cr3t", "e@example.com", "aud")
    assert not any(secret in repr(material) for secret in ("s3cr3t", "e@example.com", "aud'"))
    assert "s3cr3t" not in repr(Webhook({}, b"s3cr3t"))
    with pytest.raises(NoToken, match=r"^invalid 'a/b' secret data: required fields 'token'$"):
        Material.of("a/b", {"tokens": b"x"})
    with pytest.raises(NoToken, match=r"^invalid 'a/b' secret data: the key 'token' is empty$"):
        Material.of("a/b", {"token": b""})
