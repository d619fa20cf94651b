"""Statuses of commits at GitHub: looked up, and set where there is something new."""

import pytest

from notification_controller.delivery import Unusable
from notification_controller.notification import NotDelivered
from shared.testing.git_hosts import Fault, GitHubHost
from shared.testing.proxy import ForwardProxy
from shared.testing.tls import Authority


@pytest.fixture
async def host(sha):
    async with GitHubHost(below="/api/v3") as host:
        host.accounts["t0ken"] = "flux"
        host.repositories["acme/fleet"] = {sha}
        yield host


@pytest.fixture
def given(host, cluster, provider):
    cluster.add("s", token="t0ken\n")
    return provider("github", f"{host.url}/acme/fleet", secretRef="s")


async def test_a_status_is_set(host, given, post, event, sha, context):
    await post(given, event())
    await post(given, event("error", "BuildFailed"))
    kept = [{key: each[key] for key in ("state", "description", "context")} for each in host.statuses[sha]]
    assert kept == [
        {"state": "failure", "description": "build failed", "context": context},
        {"state": "success", "description": "reconciliation succeeded", "context": context},
    ]
    look, create = host.log[:2]
    assert (look.method, look.target) == (
        "GET",
        f"/api/v3/repos/acme/fleet/commits/{sha}/statuses?per_page=50",
    )
    assert (create.method, create.target) == ("POST", f"/api/v3/repos/acme/fleet/statuses/{sha}")
    assert create.body == {
        "state": "success",
        "description": "reconciliation succeeded",
        "context": context,
    }
    for asked in (look, create):
        assert asked.headers["authorization"] == "Bearer t0ken"
        assert asked.headers["accept"] == "application/vnd.github+json"
        assert asked.headers["x-github-api-version"] == "2022-11-28"


async def test_what_the_newest_status_says_is_not_said_again(host, given, post, event, sha, context):
    await post(given, event())
    await post(given, event(), context="kustomization/db/0c9c2e41")
    await post(given, event())
    assert len(host.statuses[sha]) == 2
    await post(given, event("error", "BuildFailed"))
    await post(given, event())
    assert [each["state"] for each in host.statuses[sha] if each["context"] == context] == [
        "success",
        "failure",
        "success",
    ]


async def test_a_long_reason_is_cut(host, given, post, event, sha):
    for _ in range(2):
        await post(given, event(reason="Long" * 40))
    (kept,) = host.statuses[sha]
    assert len(kept["description"]) <= 140
    assert kept["description"].startswith("long long long")


async def test_progress_is_not_told(host, given, post, event):
    await post(given, event(reason="Progressing"))
    assert host.log == []


async def test_a_password_stands_for_a_token(host, cluster, provider, post, sha):
    cluster.add("s", username="git", password="t0ken")
    await post(provider("github", f"{host.url}/acme/fleet.git", secretRef="s"))
    assert host.statuses[sha][0]["creator"] == {"login": "flux"}


@pytest.mark.parametrize(
    ("secret", "path", "told"),
    [
        ({}, "acme/fleet", "^github token or github app details must be specified$"),
        ({"token": "t"}, "acme", "^invalid repository id 'acme'$"),
        ({"token": "t"}, "acme/fleet/tree", "^invalid repository id 'acme/fleet/tree'$"),
        ({"token": "t", "username": "u"}, "acme/fleet", "'password' is missing"),
        ({"token": b"\xff"}, "acme/fleet", "'token' is not UTF-8"),
    ],
)
async def test_what_can_not_work_is_refused_at_once(host, cluster, notifiers, provider, secret, path, told):
    cluster.add("s", **secret)
    with pytest.raises(Unusable, match=told):
        await notifiers.open(provider("github", f"{host.url}/{path}", secretRef="s"))
    assert host.log == []


@pytest.mark.parametrize(
    ("token", "metadata", "told"),
    [
        ("wr0ng", {}, "^could not list commit statuses: request failed with status code 401: .*Bad cred"),
        ("t0ken", {"commit": "b" * 40}, "^could not list .* status code 422: .*No commit found for SHA: bbb"),
        ("t0ken", {"commit": "master"}, "^failed to extract commit hash from 'master' revision$"),
    ],
)
async def test_refusals_are_told(host, cluster, provider, post, event, token, metadata, told):
    cluster.add("s", token=token)
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match=told)) as caught:
        await post(provider("github", f"{host.url}/acme/fleet", secretRef="s"), event(**metadata))
    assert token not in str(caught.value.exceptions[0])
    assert host.statuses == {}


@pytest.mark.looptime(noop_cycles=2000)
async def test_what_fails_for_a_moment_is_tried_again(host, given, post, event, sha):
    host.faults = [Fault("GET", "/statuses", 502), Fault("POST", "/statuses", None)]
    await post(given, event())
    assert [each.method for each in host.log] == ["GET", "GET", "POST", "POST"]
    assert len(host.statuses[sha]) == 1


async def test_a_repository_that_was_renamed_is_found(host, given, post, sha):
    host.faults = [
        Fault(
            "GET", "/acme/fleet/commits", 301, headers={"Location": _moved(host, f"commits/{sha}/statuses")}
        ),
        Fault("POST", "/acme/fleet/statuses", 307, headers={"Location": _moved(host, f"statuses/{sha}")}),
    ]
    host.repositories["acme/ships"] = {sha}
    await post(given)
    assert len(host.statuses[sha]) == 1


def _moved(host, path):
    return f"{host.url}/api/v3/repos/acme/ships/{path}"


@pytest.fixture
async def internet(authority):
    """A proxy behind which hosts of the Internet are on loopback."""
    async with ForwardProxy() as proxy:
        yield proxy


@pytest.mark.parametrize(
    ("address", "api"),
    [
        ("https://github.com/acme/fleet", "api.github.com"),
        ("ssh://git@ssh.github.com:443/acme/fleet.git", "api.github.com"),
        ("git@github.com:acme/fleet.git", "api.github.com"),
        ("https://octo.ghe.com/acme/fleet", "api.octo.ghe.com"),
    ],
)
async def test_the_api_of_github_has_a_host_of_its_own(
    internet, authority, cluster, provider, post, address, api, sha
):
    async with GitHubHost(tls=authority.server_context(api)) as host:
        host.accounts["t0ken"] = "flux"
        host.repositories["acme/fleet"] = {sha}
        internet.routes[api] = host.port
        cluster.add("s", token="t0ken", ca__crt=authority.pem)
        cluster.add("proxy", address=internet.url)
        await post(provider("github", address, secretRef="s", proxySecretRef="proxy"))
        assert [each.target for each in host.asked("POST")] == [f"/repos/acme/fleet/statuses/{sha}"]
    assert set(internet.targets) == {f"{api}:443"}


async def test_certificates_beside_a_token_are_for_statuses(authority, cluster, provider, post, sha):
    async with GitHubHost(below="/api/v3", tls=authority.server_context()) as host:
        host.accounts["t0ken"] = "flux"
        host.repositories["acme/fleet"] = {sha}
        cluster.add("s", token="t0ken", ca__crt=authority.pem)
        await post(provider("github", f"{host.url}/acme/fleet", secretRef="s"))
        assert len(host.statuses[sha]) == 1
        given = provider("githubdispatch", f"{host.url}/acme/fleet", secretRef="s")
        with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match="is not trusted")):
            await post(given)
        cluster.add("tls", ca__crt=authority.pem)
        given = provider("githubdispatch", f"{host.url}/acme/fleet", secretRef="s", certSecretRef="tls")
        await post(given)
        assert len(host.dispatches) == 1


@pytest.mark.parametrize("public", [True, False])
async def test_certificates_of_our_own_do_not_replace_those_that_github_has(
    internet, authority, cluster, provider, post, sha, monkeypatch, tmp_path, public
):
    """What the machine trusts is played by a file; the Secret has an authority of something else."""
    (tmp_path / "system.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    tls = authority.server_context("api.github.com" if public else "127.0.0.1")
    async with GitHubHost(below="" if public else "/api/v3", tls=tls) as host:
        host.accounts["t0ken"] = "flux"
        host.repositories["acme/fleet"] = {sha}
        internet.routes["api.github.com"] = host.port
        cluster.add("s", token="t0ken", ca__crt=Authority().pem)
        cluster.add("proxy", address=internet.url)
        address = "https://github.com" if public else host.url
        given = provider("github", f"{address}/acme/fleet", secretRef="s", proxySecretRef="proxy")
        if public:
            await post(given)
            assert len(host.statuses[sha]) == 1
        else:
            with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match="is not trusted")):
                await post(given)
