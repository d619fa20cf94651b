"""Nothing that anybody sends ends the server, and nothing is answered that should not be."""

import asyncio
import hmac
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.api import wire
from shared.api.notification_v1 import ReceiverType
from shared.testing.issuer import Issuer, SigningKey

GUARDED = sorted(set(ReceiverType) - {"generic", "dockerhub", "quay", "acr", "cdevents"})
HEADERS = [
    "X-Signature",
    "X-Hub-Signature",
    "X-Hub-Signature-256",
    "X-GitHub-Event",
    "X-Gitlab-Token",
    "X-Gitlab-Event",
    "X-Event-Key",
    "X-Nexus-Webhook-Signature",
    "Authorization",
    "Content-Type",
    "Ce-Type",
]
VALUES = [
    "",
    "sha1=",
    "sha256=00",
    "sha512=zz",
    "=",
    "md5=0",
    "Bearer ",
    "Bearer a.b.c",
    "Bearer e30.e30.e30",
    "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjEifQ.",
    "Basic Og==",
    "application/json",
    "application/json; charset=\xff",
    "application/x-www-form-urlencoded",
    "push",
    "dev.cdevents.build.started.0.2.0",
]
BODIES = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{",
    b"[" * 5000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"payload=%",
    b'{"message":{"data":"e30="}}',
    b'{"message":{"data":{"a":1}}}',
    b'{"context":{"links":[[]]},"subject":{}}',
    b'{"push_data":[],"updated_tags":{},"target":1,"action":null}',
    b'{"n":1e999}',
    b'{"n":123456789012345678901234567890}',
    b'{"a":"\xed\xa0\x80"}',
    b"\xff\xfe",
    b'{"a":"\\ud800"}',
]
#: What may be said to somebody who proves nothing.
TURNED_AWAY = {400, 429}


@pytest.mark.parametrize("filtered", [False, True])
async def test_every_type_with_everything_that_is_known_to_be_odd(board, filtered):
    more = {"resourceFilter": "has(req.a) || res.kind == 'Bucket'"} if filtered else {}
    for kind in ReceiverType:
        board.add(kind, **more)
    chance = random.Random(7)
    for kind in ReceiverType:
        for body in BODIES:
            headers = {name: chance.choice(VALUES) for name in chance.sample(HEADERS, 5)}
            status, said, _ = await board.call(board.paths[kind], body, headers)
            allowed = TURNED_AWAY if kind in GUARDED else {200, 400, 500} if filtered else {200, 400}
            assert status in allowed, (kind, body, headers)
            if status != 200:
                assert list(json.loads(said)) == ["error"]
    assert (await board.call(board.add("generic", "still-there")))[0] == 200
    touched = {name for verb, name in board.api.asked if verb == "PATCH"}
    assert touched <= {"b"}


@pytest.mark.parametrize("body", [b"null", b'{"note":"\\ud83d"}', b'{"note":"\xff"}'])
async def test_json_that_go_reads_is_read(board, body):
    path = board.add("generic", resourceFilter="!has(req.tag)")
    assert (await board.call(path, body))[0] == 200
    assert ("PATCH", "b") in board.api.asked


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(sorted(ReceiverType)),
            st.dictionaries(
                st.sampled_from(HEADERS),
                st.sampled_from(VALUES)
                | st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
            ),
            st.sampled_from(BODIES) | st.binary(max_size=200),
            st.sampled_from(["POST", "GET", "PUT", "HEAD", "OPTIONS", "PURGE"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_any_headers_and_bodies(calls, boards):
    async def main():
        async with boards() as board:
            for kind in ReceiverType:
                board.add(kind, resourceFilter="req == {} || has(req.a)")
            for kind, headers, body, method in calls:
                status, _, _ = await board.call(board.paths[kind], body, headers, method)
                if method in ("POST", "GET"):
                    assert status in (TURNED_AWAY if kind in GUARDED else {200, 400, 500})
                else:
                    assert status == 405

    asyncio.run(main())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    targets=st.lists(
        st.sampled_from(
            ["/hook/", "//hook/x", "/hook/../hook/x", "/hook", "*", "/", "http://a/hook/x", "/hook/%2e"]
        )
        | st.binary(min_size=1, max_size=40).map(lambda data: data.decode("latin-1")),
        min_size=1,
        max_size=10,
    )
)
def test_any_target(targets, boards):
    async def main():
        async with boards() as board:
            path = board.add("generic")
            for target in targets:
                head = f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
                assert await board.raw(head, ends=True) in {0, 400, 404, 431}
            assert (await board.call(path))[0] == 200

    asyncio.run(main())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(streams=st.lists(st.binary(max_size=300), min_size=1, max_size=10))
def test_any_bytes(streams, boards):
    async def main():
        async with boards() as board:
            path = board.add("generic")
            for stream in streams:
                assert await board.raw(stream, ends=True) in {0, 400, 404, 405, 431}
                started = f"POST {path} HTTP/1.1\r\n".encode() + stream
                assert await board.raw(started, ends=True) in {0, 200, 400, 408, 413, 431}
            assert (await board.call(path))[0] == 200

    asyncio.run(main())


@pytest.mark.parametrize("suffix", ["?x=1", "?", "/", "#a", "%20", ";", "\\", "%00", "A"])
async def test_a_path_is_taken_as_it_was_sent(board, suffix):
    path = board.add("generic")
    head = f"POST {path}{suffix} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    assert await board.raw(head.encode()) in {400, 404}
    assert board.api.asked == []
    encoded = path.replace("hook", "h%6Fok")
    assert await board.raw(f"POST {encoded} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode()) == 404


async def test_the_order_of_answers(board):
    path = board.add("github", suspend=True)
    large = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 3145729\r\n\r\n"
    assert await board.raw(large % b"/hook/unknown") == 413
    assert await board.raw(large % b"/elsewhere") == 413
    board.synced.clear()
    assert (await board.call(path))[0] == 503
    assert (await board.call("/hook/unknown"))[0] == 503
    assert (await board.call("/elsewhere"))[0] == 404
    status, _, headers = await board.call(path, method="DELETE")
    assert (status, headers["Allow"]) == (405, "GET, POST")
    board.synced.set()
    assert (await board.call(path))[0] == 503
    assert (await board.call("/hook/unknown"))[0] == 404
    assert board.api.asked == []


@pytest.mark.parametrize(
    ("kind", "header"),
    [("generic-hmac", "X-Signature"), ("github", "X-Hub-Signature-256"), ("bitbucket", "X-Hub-Signature")],
)
async def test_a_call_that_is_sent_again_asks_for_one_more_look_and_nothing_else(board, kind, header):
    body = b'{"tag":"1.4.2"}'
    path = board.add(kind)
    signed = {header: f"sha256={hmac.new(b's3cr3t', body, 'sha256').hexdigest()}"}
    for _ in range(2):
        assert (await board.call(path, body, signed))[0] == 200
    assert [asked for asked in board.api.asked if asked[0] != "GET"] == [("PATCH", "b")] * 2
    moments = [patch["metadata"]["annotations"].pop(wire.REQUESTED_AT) for patch in board.api.patches]
    assert moments == sorted(set(moments))
    assert board.api.patches == [{"metadata": {"annotations": {}}}] * 2


async def test_filters_read_the_first_of_several_bodies(board):
    path = board.add("generic", resourceFilter="req.a == 1")
    assert (await board.call(path, b'{"a":1}\n{"a":2}\n'))[0] == 200
    assert len(board.api.patches) == 1
    assert (await board.call(path, b'{"a":1'))[0] == 500


async def test_after_too_many_failures_callers_have_to_wait(board):
    path = board.add("gitlab")
    good = {"X-Gitlab-Token": "s3cr3t"}
    answers = [await board.call(path, headers={"X-Gitlab-Token": "guess"}) for _ in range(25)]
    assert [status for status, _, _ in answers[:20]] == [400] * 20
    status, said, headers = answers[-1]
    assert (status, json.loads(said)) == (429, {"error": "too many failed authentications"})
    assert headers["Retry-After"] == "2"
    # Whoever is right is let in all the same, and so are the callers of others.
    assert (await board.call(path, headers=good))[0] == 200
    other = board.add("harbor")
    assert (await board.call(other, headers={"Authorization": "guess"}))[0] == 400


@pytest.mark.parametrize("junk", ["junk", "signed by somebody"])
async def test_nobody_can_lock_out_those_with_a_token_of_an_issuer(board, junk):
    validations = [{"expression": "claims.sub.startsWith('repo:org/app:')", "message": "no"}]
    async with Issuer() as issuer:
        provider = {"issuerURL": issuer.url, "validations": validations}
        path = board.add("generic-oidc", oidcProviders=[provider])
        junk = junk if junk == "junk" else SigningKey("unknown").token(issuer.claims())

        async def call(token):
            return (await board.call(path, b"{}", {"Authorization": f"Bearer {token}"}))[0]

        assert [await call(junk) for _ in range(25)][-1] == 429
        assert await call(issuer.token()) == 200
        issuer.keys.append(SigningKey("second"))
        board.clock.ahead += 30
        assert [await call(junk) for _ in range(25)][-1] == 429
        assert await call(issuer.token()) == 200
        assert len(issuer.log) == 4


async def test_an_api_server_that_is_away_is_no_fault_of_the_caller(board):
    path = board.add("gitlab")
    board.api.away = True
    good = {"X-Gitlab-Token": "s3cr3t"}
    status, said, _ = await board.call(path, headers=good)
    assert (status, json.loads(said)) == (503, {"error": "the secret can't be read now"})
    board.api.away = False
    assert (await board.call(path, headers=good))[0] == 200
    board.api.away = True
    assert (await board.call(path, headers={"X-Gitlab-Token": "guess"}))[0] == 400


async def test_a_secret_that_is_missing_is_no_reason_to_try_again(board):
    path = board.add("gitlab", secretRef={"name": "missing"})
    for _ in range(5):
        status, said, _ = await board.call(path, headers={"X-Gitlab-Token": "s3cr3t"})
        assert (status, json.loads(said)) == (400, {"error": "authentication failed"})


async def test_of_two_receivers_with_one_path_the_first_is_called(board):
    path = board.add("generic", "a", "nn", resources=[{"kind": "Bucket", "name": "second"}])
    assert path == board.add("generic", "an", "n", resources=[{"kind": "Bucket", "name": "first"}])
    assert (await board.call(path))[0] == 200
    assert ("PATCH", "first") in board.api.asked
    assert ("PATCH", "second") not in board.api.asked


async def test_an_object_that_goes_between_list_and_annotation_is_no_error(board):
    async def listed(resource, namespace, *, label_selector, metadata_only):
        return {"items": [{"metadata": {"name": name}} for name in ("gone", "there")]}

    board.api.list = listed
    some = {"kind": "Bucket", "name": "*", "matchLabels": {"a": "b"}}
    assert (await board.call(board.add("generic", resources=[some])))[0] == 200
    assert [name for verb, name in board.api.asked if verb == "PATCH"] == ["gone", "there"]
    named = {"kind": "Bucket", "name": "gone"}
    assert (await board.call(board.add("generic", "named", resources=[named])))[0] == 500


async def test_where_there_is_no_receiver_nobody_waits_for_a_body(board):
    path = board.add(ReceiverType.GENERIC)
    rest = " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx"
    assert await board.raw(f"POST /hook/unknown{rest}".encode()) == 404
    assert await board.raw(f"PUT {path}{rest}".encode()) == 405
    assert board.api.asked == []
