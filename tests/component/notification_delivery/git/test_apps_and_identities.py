"""Who logs in without a token in a Secret: apps of GitHub, and identities of Azure."""

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from notification_controller.delivery import Notifiers
from notification_controller.notification import NotDelivered
from shared.auth import Secrets
from shared.auth.cloud import Clouds
from shared.testing.clouds import CloudServer
from shared.testing.git_hosts import App, AzureDevOpsHost, Fault, GitHubHost
from shared.testing.proxy import ForwardProxy

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


@pytest.fixture
async def host(cluster, clock, sha):
    async with GitHubHost(below="/api/v3") as host:
        host.now = clock.now
        host.app = App(7, "headrace", 9, KEY.public_key())
        host.repositories["acme/fleet"] = {sha}
        host.issues["acme/fleet", 12] = []
        cluster.add(
            "s",
            githubAppID="7",
            githubAppInstallationID="9",
            githubAppPrivateKey=PEM,
            githubAppBaseURL=f"{host.url}/api/v3",
        )
        yield host


async def test_an_app_sets_statuses_with_one_token(host, provider, post, event, sha):
    given = provider("github", f"{host.url}/acme/fleet", secretRef="s")
    await post(given, event())
    await post(given, event("error", "BuildFailed"))
    assert [each["creator"] for each in host.statuses[sha]] == [{"login": "headrace[bot]"}] * 2
    assert len(host.asked("POST", "access_tokens")) == 1
    assert host.asked("GET", "/user$") == []


async def test_an_app_knows_its_comments_by_its_slug(host, provider, post, event, restarted):
    given = provider("githubpullrequestcomment", f"{host.url}/acme/fleet", secretRef="s")
    await post(given, event())
    await post(given, event("error", "BuildFailed"), by=restarted)
    (comment,) = host.issues["acme/fleet", 12]
    assert comment["user"]["login"] == "headrace[bot]"
    assert "\N{WARNING SIGN}" in comment["body"]
    assert host.asked("GET", "/user$") == []


async def test_an_app_dispatches(host, provider, post, event):
    await post(provider("githubdispatch", f"{host.url}/acme/fleet", secretRef="s"), event())
    assert len(host.dispatches) == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"githubAppPrivateKey": "nonsense"}, "'githubAppPrivateKey' is no RSA key in PEM form"),
        ({"githubAppInstallationID": ""}, "app installation owner or ID must be provided"),
        ({"githubAppInstallationID": "8"}, "answers with status code 404"),
        ({"githubAppID": "8"}, "answers with status code 401"),
    ],
)
async def test_an_app_that_can_not_log_in_is_told(host, cluster, provider, post, event, changed, told):
    good = {
        "githubAppID": "7",
        "githubAppInstallationID": "9",
        "githubAppPrivateKey": PEM,
        "githubAppBaseURL": f"{host.url}/api/v3",
    }
    cluster.add("s", **good | changed)
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match=told)):
        await post(provider("github", f"{host.url}/acme/fleet", secretRef="s"), event())


async def test_an_identity_of_azure_sets_statuses(
    authority, cluster, sessions, clock, provider, post, event, sha
):
    async with (
        aiohttp.ClientSession() as session,
        CloudServer() as server,
        ForwardProxy() as internet,
        AzureDevOpsHost(tls=authority.server_context("dev.azure.com")) as host,
    ):
        internet.routes["dev.azure.com"] = host.port
        host.accounts["entra"] = "controller"
        host.repositories["acme/p/fleet"] = {sha}
        server.answer("POST", "/tenant/oauth2/v2.0/token", {"access_token": "entra", "expires_in": 3600})
        environment = {
            "AZURE_AUTHORITY_HOST": server.address,
            "AZURE_TENANT_ID": "tenant",
            "AZURE_CLIENT_ID": "client",
            "AZURE_CLIENT_SECRET": "s3cr3t",
        }
        clouds = Clouds(session, cluster, clock, environment=environment)
        notifiers = Notifiers(Secrets(cluster), clouds, sessions, clock)
        cluster.add("tls", ca__crt=authority.pem)
        cluster.add("proxy", address=internet.url)
        given = provider(
            "azuredevops",
            "https://dev.azure.com/acme/p/_git/fleet",
            certSecretRef="tls",
            proxySecretRef="proxy",
        )
        await post(given, event(), by=notifiers)
        await post(given, event("error"), by=notifiers)
        assert [each["state"] for each in host.statuses[sha]] == ["succeeded", "error"]
        assert {each.headers["authorization"] for each in host.log} == {"Bearer entra"}
        (asked,) = server.log
        assert asked.form["scope"] == "499b84ac-1321-427f-aa17-267ca6975798/.default"


@pytest.mark.looptime(noop_cycles=2000)
@pytest.mark.parametrize("status", [502, None])
async def test_workflows_are_started_once_even_if_the_answer_gets_lost(host, provider, post, event, status):
    host.faults = [Fault("POST", "/dispatches$", status, after=True)]
    with pytest.RaisesGroup(pytest.RaisesExc(NotDelivered, match="^could not send github repository disp")):
        await post(provider("githubdispatch", f"{host.url}/acme/fleet", secretRef="s"), event())
    assert len(host.dispatches) == 1


async def test_a_dispatch_has_the_whole_event(host, cluster, provider, post, event):
    host.accounts["t0ken"] = "flux"
    cluster.add("s", token="t0ken")
    given = provider("githubdispatch", f"{host.url}/acme/fleet", secretRef="s")
    for each in (event(), event(reason="Progressing")):
        await post(given, each)
        assert host.dispatches[-1] == {
            "event_type": "Kustomization/web.apps",
            "client_payload": each.wire(),
        }
    assert [(each.method, each.target) for each in host.log] == [
        ("POST", "/api/v3/repos/acme/fleet/dispatches")
    ] * 2
