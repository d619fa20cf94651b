"""Whoever proves nothing costs nothing: no request to the API server, and no more than a few lines of log."""

import pytest

from shared.testing.faulty_api import FaultyApi
from shared.testing.issuer import Issuer, SigningKey

WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}


@pytest.fixture
def api(cluster, tmp_path):
    with FaultyApi(cluster.kubeconfig, tmp_path) as api:
        yield api


def asked(api, since):
    return [(each.verb, each.path) for each in api.requests[since:] if each.verb != "WATCH"]


@pytest.mark.parametrize("labels", [WATCHED, {}])
async def test_a_wrong_signature_costs_no_request(working, api, labels):
    async with working(through=api.kubeconfig) as hooks:
        await hooks.repository()
        await hooks.secret(token="s3cr3t", labels=labels)
        path = await hooks.receiver("gitlab")
        await hooks.event("Reconciliation finished", "hook")
        good = {"X-Gitlab-Token": "s3cr3t"}
        assert await hooks.call(path, headers=good) == (200, "")
        before = len(api.requests)
        answers = [await hooks.call(path, headers={"X-Gitlab-Token": "guess"}) for _ in range(200)]
        assert asked(api, before) == []
        statuses = [status for status, _ in answers]
        assert statuses[:20] == [400] * 20
        assert statuses[-1] == 429
        assert set(statuses) == {400, 429}
        assert await hooks.call(path, headers=good) == (200, "")
        # The annotation, and where nobody tells of changes of the Secret a look at it.
        verbs = sorted(verb for verb, _ in asked(api, before))
        assert verbs == (["PATCH"] if labels else ["GET", "PATCH"])
        log = hooks.process.log.read_text()
        assert log.count("unable to validate payload") == statuses.count(400)


async def test_an_unknown_path_costs_no_request_and_no_line(working, api):
    async with working(through=api.kubeconfig) as hooks:
        await hooks.receiver()
        await hooks.event("Reconciliation finished", "hook")
        before, log = len(api.requests), hooks.process.log.read_text()
        for number in range(50):
            assert (await hooks.call(f"/hook/{number:064x}"))[0] == 404
        assert asked(api, before) == []
        assert hooks.process.log.read_text() == log


async def test_a_flood_of_tokens_is_no_flood_for_the_issuer(hooks):
    await hooks.repository()
    validations = [{"expression": "true", "message": "never"}]
    async with Issuer() as issuer:
        path = await hooks.receiver(
            "generic-oidc", oidcProviders=[{"issuerURL": issuer.url, "validations": validations}]
        )
        unknown = SigningKey("unknown")
        for _ in range(100):
            headers = {"Authorization": f"Bearer {unknown.token(issuer.claims())}"}
            assert (await hooks.call(path, headers=headers))[0] in (400, 429)
        assert len(issuer.log) == 2
        good = {"Authorization": f"Bearer {issuer.token()}"}
        assert await hooks.call(path, headers=good) == (200, "")


async def test_a_revoked_token_is_worth_nothing_at_once(hooks):
    await hooks.repository()
    path = await hooks.receiver("gitlab")
    assert await hooks.call(path, headers={"X-Gitlab-Token": "s3cr3t"}) == (200, "")
    plain = await hooks.receiver("generic", "plain")
    assert await hooks.call(plain) == (200, "")
    await hooks.new_token("other")
    assert (await hooks.call(path, headers={"X-Gitlab-Token": "s3cr3t"}))[0] == 400
    assert (await hooks.call(path, headers={"X-Gitlab-Token": "other"}))[0] in (400, 404)
    assert (await hooks.call(plain))[0] == 404


async def test_metrics_tell_what_became_of_calls(hooks):
    await hooks.repository()
    path = await hooks.receiver("gitlab")
    await hooks.call(path, headers={"X-Gitlab-Token": "s3cr3t"})
    await hooks.call(path, headers={"X-Gitlab-Token": "guess"})
    await hooks.call("/hook/unknown")
    told = hooks.process.metrics()
    assert 'headrace_webhooks_total{result="accepted",type="gitlab"} 1.0' in told
    assert 'headrace_webhooks_total{result="refused",type="gitlab"} 1.0' in told
    assert 'headrace_webhooks_total{result="unknown",type=""} 1.0' in told
    served = 'code="200",handler="/hook/",method="POST",service=""'
    assert f"gotk_receiver_http_request_duration_seconds_count{{{served}}} 1.0" in told
    assert path not in told
    assert path not in hooks.process.log.read_text()
