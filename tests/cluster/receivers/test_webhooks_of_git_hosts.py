"""Calls of Git hosts, registries and others, as they send them, with what is wrong with bad ones."""

import base64
import hmac
import json

import pytest

from shared.testing.issuer import Issuer

PUSH = json.dumps({"ref": "refs/heads/main", "repository": {"full_name": "org/app"}}).encode()
FORM = "application/x-www-form-urlencoded"


def signature(body, algorithm="sha256", token="s3cr3t"):
    return f"{algorithm}={hmac.new(token.encode(), body, algorithm).hexdigest()}"


def github(body=PUSH, event="push", **changes):
    return {"X-GitHub-Event": event, "X-Hub-Signature-256": signature(body)} | changes


@pytest.mark.case("notification-41")
async def test_a_push_to_github_asks_for_a_reconciliation(hooks):
    await hooks.repository()
    path = await hooks.receiver("github", events=["push"])
    for headers, told in (
        (github(**{"X-Hub-Signature-256": signature(PUSH, token="guess")}), "authentication failed"),
        ({"X-GitHub-Event": "push"}, "authentication failed"),
        (github(event="ping"), "the event is not authorised"),
    ):
        assert await hooks.call(path, PUSH, headers) == (400, told)
    assert await hooks.requested() == ""
    assert await hooks.call(path, PUSH, github()) == (200, "")
    first = await hooks.requested()
    assert await hooks.call(path, PUSH, github(event="Push")) == (200, "")
    assert "" < first < await hooks.requested()


@pytest.mark.case("notification-42")
async def test_github_may_send_forms(hooks):
    await hooks.repository()
    path = await hooks.receiver("github")
    body = b"payload=%7B%22ref%22%3A+%22refs%2Fheads%2Fmain%22%7D"
    assert (await hooks.call(path, body, github(body), content_type="text/plain"))[0] == 400
    assert await hooks.requested() == ""
    assert await hooks.call(path, body, github(body), content_type=FORM) == (200, "")
    assert await hooks.requested()
    # It is the body as it was sent that is signed, not what is in it.
    inner = github(b'{"ref": "refs/heads/main"}')
    assert (await hooks.call(path, body, inner, content_type=FORM))[0] == 400


@pytest.mark.case("notification-43")
async def test_signed_calls_choose_their_algorithm(hooks):
    await hooks.repository()
    path = await hooks.receiver("generic-hmac")
    seen = {await hooks.requested()}
    for algorithm in ("sha1", "sha256", "sha512"):
        assert await hooks.call(path, b"any", {"X-Signature": signature(b"any", algorithm)}) == (200, "")
        seen.add(await hooks.requested())
    assert len(seen) == 4
    md5 = {"X-Signature": signature(b"any", "md5")}
    assert await hooks.call(path, b"any", md5) == (400, "authentication failed")
    assert await hooks.requested() in seen


CDEVENT = {
    "context": {
        "version": "0.4.1",
        "id": "1",
        "source": "/ci",
        "type": "dev.cdevents.change.merged.0.2.0",
        "timestamp": "2026-01-05T17:31:00Z",
    },
    "subject": {"id": "1", "type": "change", "content": {}},
}
PUBSUB = {
    "message": {
        "data": base64.b64encode(b'{"action":"INSERT","digest":"a@sha256:1","tag":"a:1"}').decode(),
        "messageId": "1",
        "publishTime": "2026-01-05T17:31:00Z",
    }
}
#: For each type: fields of the Receiver, a good call, and changes that make it a bad one.
OTHERS = {
    "generic": ({}, {}, {}, []),
    "gitlab": (
        {"events": ["Push Hook"]},
        {"X-Gitlab-Token": "s3cr3t", "X-Gitlab-Event": "Push Hook"},
        {"object_kind": "push"},
        [{"X-Gitlab-Token": "guess"}, {"X-Gitlab-Token": ""}, {"X-Gitlab-Event": "Tag Push Hook"}],
    ),
    "bitbucket": (
        {"events": ["repo:refs_changed"]},
        {"X-Hub-Signature": "sha256", "X-Event-Key": "repo:refs_changed"},
        {"eventKey": "repo:refs_changed"},
        [{"X-Hub-Signature": "sha256=00"}, {"X-Event-Key": "diagnostics:ping"}, b"other"],
    ),
    "harbor": ({}, {"Authorization": "s3cr3t"}, {"type": "PUSH_ARTIFACT"}, [{"Authorization": "guess"}]),
    "dockerhub": (
        {},
        {},
        {"push_data": {"tag": "1.0"}, "repository": {"repo_url": "https://hub.example/a"}},
        [b"none", b'{"push_data": {"tag": 1}}'],
    ),
    "quay": ({}, {}, {"docker_url": "quay.example/a", "updated_tags": ["1"]}, [b'{"updated_tags": "1"}']),
    "acr": ({}, {}, {"action": "push", "target": {"repository": "a", "tag": "1"}}, [b'{"target": []}']),
    "nexus": (
        {},
        {"X-Nexus-Webhook-Signature": "sha1"},
        {"action": "CREATED", "repositoryName": "a"},
        [{"X-Nexus-Webhook-Signature": "0123"}, {"X-Nexus-Webhook-Signature": ""}, b"other"],
    ),
    "cdevents": (
        {"events": ["dev.cdevents.change.merged.0.2.0"]},
        {"Ce-Type": "dev.cdevents.change.merged.0.2.0"},
        CDEVENT,
        [
            {"Ce-Type": "dev.cdevents.change.created.0.2.0"},
            b"{}",
            json.dumps(CDEVENT | {"subject": 1}).encode(),
        ],
    ),
    "gcr": ({}, {"Authorization": "Bearer"}, PUBSUB, [{"Authorization": "Bearer x"}, b"{}"]),
}


@pytest.mark.case("notification-44")
async def test_every_other_type_knows_its_callers(hooks, another_replica):
    await hooks.repository()
    await hooks.secret(token="s3cr3t", email="pusher@project.example", audience="https://hooks.example")
    async with Issuer() as google, another_replica(hooks, f"{google.url}/keys") as hooks:
        for kind, (spec, headers, payload, bad) in OTHERS.items():
            path = await hooks.receiver(kind, kind, **spec)
            body = json.dumps(payload).encode()
            good = dict(headers)
            for name, how in headers.items():
                if how in ("sha1", "sha256"):
                    prefixed = signature(body, how)
                    good[name] = prefixed if kind == "bitbucket" else prefixed.partition("=")[2]
                elif how == "Bearer":
                    token = google.token(
                        iss="https://accounts.google.com",
                        aud="https://hooks.example",
                        email="pusher@project.example",
                        email_verified=True,
                    )
                    good[name] = f"Bearer {token}"
            before = await hooks.requested()
            for change in bad:
                other, changed = (change, {}) if isinstance(change, bytes) else (body, change)
                status, told = await hooks.call(path, other, good | changed)
                assert (kind, change, status) == (kind, change, 400)
                assert told
            assert await hooks.requested() == before, kind
            assert (kind, await hooks.call(path, body, good)) == (kind, (200, ""))
            assert await hooks.requested() > before, kind


async def test_a_path_is_all_that_a_generic_call_needs(hooks):
    await hooks.repository()
    path = await hooks.receiver("generic")
    assert await hooks.call(path, b"\xff\x00", content_type="text/plain") == (200, "")
    assert await hooks.call(path, method="GET") == (200, "")
    for method in ("PUT", "DELETE", "PATCH"):
        assert await hooks.call(path, method=method) == (405, "the method is not allowed")
    for wrong in ("/hook/", path[:-1], path + "0", path.upper(), "/", "/hooks" + path, "/hook/../hook/x"):
        assert (await hooks.call(wrong))[0] == 404
