"""Statuses of commits at GitLab, Bitbucket and Azure DevOps, each in its own words."""

import base64
import hashlib

import pytest

from notification_controller.delivery import Unusable
from notification_controller.notification import NotDelivered
from shared.testing.git_hosts import (
    AzureDevOpsHost,
    BitbucketHost,
    BitbucketServerHost,
    Fault,
    GitLabHost,
)
from shared.testing.proxy import ForwardProxy

KEY = hashlib.sha1(b"kustomization/web/0c9c2e41").hexdigest()


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
async def internet():
    """A proxy behind which hosts of the Internet are on loopback."""
    async with ForwardProxy() as proxy:
        yield proxy


@pytest.fixture(params=["acme/fleet", "acme/eu/north/fleet"])
async def gitlab(request, cluster, sha):
    async with GitLabHost() as host:
        host.accounts["t0ken"] = "flux"
        host.repositories[request.param] = {sha}
        cluster.add("s", token="t0ken\n")
        yield host


async def test_gitlab_is_told(gitlab, provider, post, event, sha, context):
    (path,) = gitlab.repositories
    given = provider("gitlab", f"{gitlab.url}/{path}.git", secretRef="s")
    for each in (event(), event(), event("error", "BuildFailed"), event()):
        await post(given, each)
    kept = [(each["status"], each["description"], each["name"]) for each in gitlab.statuses[sha]]
    assert kept == [
        ("success", "reconciliation succeeded", context),
        ("failed", "build failed", context),
        ("success", "reconciliation succeeded", context),
    ]
    look, create = (gitlab.asked(method, "/statuses")[0] for method in ("GET", "POST"))
    project = f"/api/v4/projects/{path.replace('/', '%2F')}"
    assert look.target == f"{project}/repository/commits/{sha}/statuses?name={context}"
    assert create.target == f"{project}/statuses/{sha}"
    assert create.body == {"name": context, "description": "reconciliation succeeded", "state": "success"}
    assert {each.headers["private-token"] for each in gitlab.log} == {"t0ken"}


async def test_of_several_branches_at_gitlab_the_newest_status_counts(gitlab, provider, post, event, sha):
    (path,) = gitlab.repositories
    given = provider("gitlab", f"{gitlab.url}/{path}", secretRef="s")
    await post(given, event("error", "BuildFailed"))
    gitlab.statuses[sha][0]["ref"] = "other"
    for each in (event(), event(), event("error", "BuildFailed")):
        await post(given, each)
    assert [each["status"] for each in gitlab.statuses[sha]] == ["failed", "success", "failed"]


@pytest.mark.parametrize("below", ["/gitlab", "/dev/gitlab"])
async def test_a_gitlab_below_a_path_is_found_once(below, cluster, provider, post, event, sha):
    async with GitLabHost(below=below) as host:
        host.accounts["t0ken"] = "flux"
        host.repositories["acme/fleet"] = {sha}
        cluster.add("s", token="t0ken")
        given = provider("gitlab", f"{host.url}{below}/acme/fleet", secretRef="s")
        await post(given, event())
        await post(given, event("error", "BuildFailed"))
        assert [each["status"] for each in host.statuses[sha]] == ["failed", "success"]
        assert len(host.asked("GET", "/version$")) == below.count("/") + 1


async def test_where_no_gitlab_answers_the_path_is_that_of_the_project(gitlab, provider, post, sha):
    (path,) = gitlab.repositories
    gitlab.faults = [Fault("GET", "/version$", 404, times=9)]
    given = provider("gitlab", f"{gitlab.url}/{path}", secretRef="s")
    for _ in range(2):
        await post(given)
    assert len(gitlab.statuses[sha]) == 1
    assert len(gitlab.asked("GET", "/version$")) in (0, 6)


@pytest.mark.looptime(noop_cycles=2000)
@pytest.mark.parametrize("status", [None, 502])
async def test_trouble_while_a_gitlab_is_looked_for_is_not_remembered(gitlab, provider, post, sha, status):
    (path,) = gitlab.repositories
    gitlab.faults = [Fault("GET", "/(version|statuses)$", status, times=9)]
    given = provider("gitlab", f"{gitlab.url}/{path}", secretRef="s")
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match="ended the connection|status code 502")):
        await post(given)
    gitlab.faults.clear()
    await post(given)
    assert len(gitlab.statuses[sha]) == 1


async def test_bitbucket_is_told(internet, authority, cluster, provider, post, event, sha):
    async with BitbucketHost(tls=authority.server_context("api.bitbucket.org")) as host:
        host.accounts["flux:app-passw0rd"] = "flux"
        host.repositories["acme/fleet"] = {sha}
        internet.routes["api.bitbucket.org"] = host.port
        cluster.add("s", token="flux:app-passw0rd", ca__crt=authority.pem)
        cluster.add("proxy", address=internet.url)
        given = provider(
            "bitbucket", "https://bitbucket.org/acme/fleet", secretRef="s", proxySecretRef="proxy"
        )
        for each in (event(), event(), event("error", "BuildFailed")):
            await post(given, each)
        assert host.builds[sha, KEY] == {
            "type": "build",
            "key": KEY,
            "state": "FAILED",
            "name": "kustomization/web",
            "description": "build failed",
            "url": "https://bitbucket.org",
        }
        base = f"/2.0/repositories/acme/fleet/commit/{sha}/statuses/build"
        assert [(each.method, each.target) for each in host.log] == [
            ("GET", f"{base}/{KEY}"),
            ("POST", base),
            ("GET", f"{base}/{KEY}"),
            ("GET", f"{base}/{KEY}"),
            ("POST", base),
        ]
        assert host.log[0].headers["authorization"] == basic("flux:app-passw0rd")


@pytest.mark.parametrize(
    ("below", "secret"),
    [
        ("", {"token": "t0ken"}),
        ("/git", {"username": "flux", "password": "passw0rd"}),
        ("/a/b/scm", {"token": "t0ken"}),
    ],
)
async def test_a_bitbucket_server_is_told(below, secret, cluster, provider, post, event, sha):
    async with BitbucketServerHost(below=below) as host:
        host.accounts = {"t0ken": "flux", "flux:passw0rd": "flux"}
        host.repositories["acme/fleet"] = {sha}
        cluster.add("s", **secret)
        address = f"{host.url}{below}/scm/acme/fleet.git"
        given = provider("bitbucketserver", address, secretRef="s")
        for each in (event(), event(), event("error", "BuildFailed"), event(reason="Progressing")):
            await post(given, each)
        kept = {"key": KEY, "state": "FAILED", "description": "build failed", "url": address}
        assert {key: host.builds[sha, KEY][key] for key in kept} == kept
        assert host.builds[sha, KEY]["name"] == "kustomization/web [build failed]"
        base = f"{below}/rest/api/latest/projects/acme/repos/fleet/commits/{sha}/builds"
        assert [(each.method, each.target) for each in host.log] == [
            ("GET", f"{base}?key={KEY}"),
            ("POST", base),
            ("GET", f"{base}?key={KEY}"),
            ("GET", f"{base}?key={KEY}"),
            ("POST", base),
        ]
        wanted = "Bearer t0ken" if "token" in secret else basic("flux:passw0rd")
        assert {
            (
                each.headers["authorization"],
                each.headers["x-atlassian-token"],
                each.headers["x-requested-with"],
            )
            for each in host.log
        } == {(wanted, "no-check", "XMLHttpRequest")}


async def test_a_long_name_of_a_build_is_cut(cluster, provider, post, event, sha):
    async with BitbucketServerHost() as host:
        host.accounts["t0ken"] = "flux"
        host.repositories["acme/fleet"] = {sha}
        cluster.add("s", token="t0ken")
        given = provider("bitbucketserver", f"{host.url}/scm/acme/fleet", secretRef="s")
        for _ in range(2):
            await post(given, event(name="n" * 253))
        assert len(host.asked("POST")) == 1
        assert host.builds[sha, KEY]["name"].endswith("n... (truncated)")


async def test_a_page_of_a_build_shows_no_login(cluster, provider, post, sha):
    async with BitbucketServerHost() as host:
        host.accounts["t0ken"] = "flux"
        host.repositories["acme/fleet"] = {sha}
        cluster.add("s", token="t0ken")
        address = f"{host.url}/scm/acme/fleet.git".replace("://", "://pete:s3cret@")
        await post(provider("bitbucketserver", address, secretRef="s"))
        assert host.builds[sha, KEY]["url"] == f"{host.url}/scm/acme/fleet.git"


@pytest.fixture
async def azure(authority, internet, cluster, sha):
    async with AzureDevOpsHost(tls=authority.server_context("dev.azure.com")) as host:
        host.accounts["pat"] = "flux"
        host.repositories["acme/My Project/fleet"] = {sha}
        internet.routes["dev.azure.com"] = host.port
        cluster.add("s", token="pat", ca__crt=authority.pem)
        cluster.add("proxy", address=internet.url)
        yield host


@pytest.mark.parametrize(
    "address",
    [
        "https://dev.azure.com/acme/My%20Project/_git/fleet",
        "git@ssh.dev.azure.com:v3/acme/My%20Project/fleet",
    ],
)
async def test_azure_devops_is_told(azure, provider, post, event, sha, context, address):
    given = provider("azuredevops", address, secretRef="s", proxySecretRef="proxy")
    for each in (event(), event(), event("error", "BuildFailed"), event(), event(summary="prod")):
        await post(given, each)
    kept = [(each["state"], each["description"], each["context"]) for each in azure.statuses[sha]]
    genre, prod = ({"genre": genre, "name": context} for genre in ("fluxcd", "fluxcd:prod"))
    assert kept == [
        ("succeeded", "reconciliation succeeded", genre),
        ("error", "build failed", genre),
        ("succeeded", "reconciliation succeeded", genre),
        ("succeeded", "reconciliation succeeded", prod),
    ]
    base = f"/acme/My%20Project/_apis/git/repositories/fleet/commits/{sha}/statuses?api-version=5.1"
    assert {(each.method, each.target) for each in azure.log} == {
        ("GET", f"{base}&latestOnly=true"),
        ("POST", base),
    }
    assert {each.headers["authorization"] for each in azure.log} == {basic(":pat")}


async def test_a_page_to_sign_in_is_a_refusal(azure, provider, post, cluster, authority):
    cluster.add("s", token="wr0ng", ca__crt=authority.pem)
    given = provider(
        "azuredevops", "https://dev.azure.com/acme/p/_git/fleet", secretRef="s", proxySecretRef="proxy"
    )
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match="the token is not accepted")):
        await post(given)


@pytest.mark.parametrize(
    ("kind", "secret", "address", "told"),
    [
        ("gitlab", {}, "https://h/a/b", "^gitlab token cannot be empty"),
        ("gitlabmergerequestcomment", {}, "https://h/a/b", "^gitlab token cannot be empty"),
        ("gitea", {}, "https://h/a/b", "^gitea token cannot be empty"),
        ("gitea", {"token": "t"}, "https://h/b", "^invalid repository id 'b'$"),
        ("giteapullrequestcomment", {"token": "t"}, "https://h/b", "^invalid repository id 'b'$"),
        ("bitbucket", {}, "https://h/a/b", "^bitbucket token cannot be empty"),
        ("bitbucket", {"token": "t"}, "https://h/a/b", "^invalid token format, expected to be <user>:<pass"),
        ("bitbucket", {"token": "a:b:c"}, "https://h/a/b", "^invalid token format"),
        ("bitbucket", {"token": "a:b"}, "https://h/a/b/c", "^invalid repository id 'a/b/c'$"),
        ("bitbucketserver", {}, "https://h/scm/a/b", "^invalid credentials, expected to be one of"),
        ("bitbucketserver", {"token": "t"}, "ssh://git@h/scm/a/b", "not that of a clone by HTTP"),
        ("azuredevops", {"token": "t"}, "https://h/a/b", "^invalid repository id 'a/b'$"),
        ("githubdispatch", {"token": "t"}, "", "^the address is not that of a repository"),
        ("githubpullrequestcomment", {"token": "t"}, "https://h/a", "^invalid repository id 'a'$"),
    ],
)
async def test_what_can_not_work_is_refused_at_once(
    kind, secret, address, told, cluster, notifiers, provider
):
    cluster.add("s", **secret)
    with pytest.raises(Unusable, match=told):
        await notifiers.open(provider(kind, address, secretRef="s"))
