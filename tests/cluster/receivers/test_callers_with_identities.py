"""Callers that bring a token: of an issuer that the Receiver names, or of Google."""

import base64
import json
import time

import pytest

from shared.testing.issuer import Issuer, SigningKey, forged

BRANCH = {"expression": "claims.sub.endsWith('/main')", "message": "only main may call"}
ORG = {"expression": "vars.org == 'org'", "message": "only org may call"}
VARIABLES = [{"name": "org", "expression": "claims.sub.split(':')[1].split('/')[0]"}]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def provider(issuer, **changes):
    return {"issuerURL": issuer.url, "variables": VARIABLES, "validations": [BRANCH, ORG]} | changes


@pytest.mark.case("notification-48")
async def test_only_a_valid_token_is_let_in(hooks):
    await hooks.repository()
    async with Issuer() as issuer, Issuer() as stranger:
        path = await hooks.receiver("generic-oidc", oidcProviders=[provider(issuer)])
        now, key = int(time.time()), issuer.keys[0]
        other = SigningKey(key.id)
        for token, told in (
            (issuer.token(exp=now - 1), "the token has expired"),
            (issuer.token(aud="somebody"), "the token is for another audience"),
            (stranger.token(), "authentication failed"),
            (stranger.keys[0].token(issuer.claims()), "authentication failed"),
            (other.token(issuer.claims()), "authentication failed"),
            (forged({"alg": "none", "kid": key.id}, issuer.claims()), "authentication failed"),
            (
                issuer.token(sub="repo:evil/app:ref:refs/heads/dev"),
                "token validation failed: only main may call; only org may call",
            ),
        ):
            assert await hooks.call(path, headers=bearer(token)) == (400, told)
        assert await hooks.call(path) == (400, "a bearer token is missing")
        assert await hooks.requested() == ""
        assert await hooks.call(path, headers=bearer(issuer.token())) == (200, "")
        assert await hooks.requested()
        assert stranger.log == []


@pytest.mark.case("notification-48")
async def test_new_keys_are_found_without_a_restart(another_replica, hooks):
    await hooks.repository()
    async with Issuer() as issuer:
        path = await hooks.receiver("generic-oidc", oidcProviders=[provider(issuer)])
        async with another_replica(hooks, "", pause=0.0) as hooks:
            assert await hooks.call(path, headers=bearer(issuer.token())) == (200, "")
            asked = len(issuer.log)
            for _ in range(5):
                assert await hooks.call(path, headers=bearer(issuer.token())) == (200, "")
            assert len(issuer.log) == asked
            old = issuer.token()
            issuer.keys[:] = [SigningKey("second")]
            assert await hooks.call(path, headers=bearer(issuer.token())) == (200, "")
            assert len(issuer.log) == asked + 2
            assert (await hooks.call(path, headers=bearer(old)))[0] == 400


async def test_filters_may_read_claims(hooks):
    for name in ("org-app", "org-other"):
        await hooks.repository(name, {"all": "yes"})
    some = {"kind": "GitRepository", "name": "*", "matchLabels": {"all": "yes"}}
    wanted = "claims.sub.startsWith('repo:' + res.metadata.name.replace('-', '/', 1) + ':') && req.go == true"
    async with Issuer() as issuer:
        path = await hooks.receiver(
            "generic-oidc", oidcProviders=[provider(issuer)], resources=[some], resourceFilter=wanted
        )
        assert await hooks.call(path, b'{"go": true}', bearer(issuer.token())) == (200, "")
    assert await hooks.requested("org-app")
    assert await hooks.requested("org-other") == ""


AUDIENCE, EMAIL = "https://hooks.example", "pusher@project.example"
PUSH = json.dumps({"message": {"data": base64.b64encode(b'{"tag":"a:1"}').decode()}}).encode()


def of_google(google, **changes):
    usual = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": EMAIL,
        "email_verified": True,
    }
    return bearer(google.token(**(usual | changes)))


@pytest.mark.case("notification-49")
async def test_google_has_to_say_that_it_is_the_account_of_the_secret(hooks, another_replica):
    await hooks.repository()
    await hooks.secret(token="s3cr3t", email=EMAIL, audience=AUDIENCE)
    path = await hooks.receiver("gcr")
    async with Issuer() as google, another_replica(hooks, f"{google.url}/keys") as hooks:
        for change in (
            {"email": "somebody@project.example"},
            {"email": None},
            {"email": [EMAIL]},
            {"aud": "https://other.example"},
            {"aud": None},
            {"iss": "https://accounts.google.com.evil.example"},
            {"iss": google.url},
            {"email_verified": False},
            {"email_verified": "true"},
            {"email_verified": None},
            {"exp": int(time.time()) - 1},
        ):
            status, _ = await hooks.call(path, PUSH, of_google(google, **change))
            assert (change, status) == (change, 400)
        for headers in ({}, {"Authorization": of_google(google)["Authorization"].lower()}):
            assert (await hooks.call(path, PUSH, headers))[0] == 400
        assert await hooks.requested() == ""
        for issuer in ("https://accounts.google.com", "accounts.google.com"):
            assert await hooks.call(path, PUSH, of_google(google, iss=issuer)) == (200, "")
        assert await hooks.requested()
        for number, data in enumerate(
            ({"email": EMAIL}, {"audience": AUDIENCE}, {"email": "", "audience": ""})
        ):
            name = f"token-{number}"
            await hooks.secret(name, token="s3cr3t", **data)
            lacking = await hooks.receiver("gcr", f"hook-{number}", secretRef={"name": name})
            assert (await hooks.call(lacking, PUSH, of_google(google, **data)))[0] == 400
