"""Servers that say back whatever they were told: none of it shows in statuses, events or logs."""

import base64
import json

import pytest
from aiohttp import web

from shared.kube.resources import Resource
from shared.testing.source import EVENTS, Sources, connected, run_source

GROUP = "source.toolkit.fluxcd.io"
LABEL = "canary"
CANARY = "c4n4ry"
ENCODED = [
    base64.b64encode(f"ada:{CANARY}-{kind}".encode()).decode()
    for kind in ("git", "index", "registry", "proxy")
]


async def echo(request):
    """All headers and the address, in the body, the reason and a redirect."""
    told = " ".join(f"{name}={value}" for name, value in request.headers.items())
    answer = web.Response(status=int(request.match_info.get("status", 500)), text=f"{request.url} {told}")
    answer.set_status(answer.status, reason=told[:500].replace("\r", "").replace("\n", ""))
    answer.headers["Location"] = f"http://ada:{CANARY}-location@127.0.0.1:1/?token={CANARY}-query"
    answer.headers["WWW-Authenticate"] = (
        f'Bearer realm="http://127.0.0.1:1/{CANARY}-realm",service="{CANARY}-service"'
    )
    return answer


@pytest.fixture
async def parrot():
    application = web.Application()
    application.router.add_route("*", "/{status:[0-9]+}/{path:.*}", echo)
    application.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"{host}:{port}"
    await runner.cleanup()


@pytest.fixture(scope="module")
def suite(cluster, tmp_path_factory):
    with run_source(cluster, tmp_path_factory.mktemp("canary"), LABEL, "--log-level=debug") as suite:
        yield suite


def cases(parrot):
    """Kind, plural and spec of objects that fail with a secret at hand."""
    docker = {"secretRef": {"name": "docker"}, "insecure": True}
    for status in (302, 401, 403, 404, 500):
        yield (
            "GitRepository",
            "gitrepositories",
            {
                "url": f"http://{parrot}/{status}/app.git",
                "secretRef": {"name": "git"},
            },
        )
        yield (
            "GitRepository",
            "gitrepositories",
            {
                "url": f"http://{parrot}/{status}/app.git",
                "secretRef": {"name": "bearer"},
            },
        )
        yield (
            "HelmRepository",
            "helmrepositories",
            {
                "url": f"http://{parrot}/{status}/charts?token={CANARY}-url",
                "secretRef": {"name": "index"},
            },
        )
    yield "HelmRepository", "helmrepositories", {"url": f"http://ada:{CANARY}-info@{parrot}/500/charts"}
    yield "GitRepository", "gitrepositories", {"url": f"http://ada:{CANARY}-info@{parrot}/500/app.git"}
    yield "OCIRepository", "ocirepositories", {"url": f"oci://{parrot}/org/app", **docker}
    yield (
        "OCIRepository",
        "ocirepositories",
        {
            "url": "oci://registry.example.com/app",
            "proxySecretRef": {"name": "proxy"},
        },
    )
    bucket = {"bucketName": "b", "endpoint": parrot, "insecure": True}
    yield "Bucket", "buckets", bucket | {"secretRef": {"name": "bucket"}, "region": "us-east-1"}
    sts = {
        "provider": "ldap",
        "endpoint": f"http://{parrot}/500/?token={CANARY}-sts",
        "secretRef": {"name": "git"},
    }
    yield "Bucket", "buckets", bucket | {"sts": sts}
    yield (
        "Bucket",
        "buckets",
        bucket
        | {
            "provider": "azure",
            "endpoint": f"http://{parrot}/500/?sig={CANARY}-sig",
            "secretRef": {"name": "sas"},
        },
    )
    yield (
        "GitRepository",
        "gitrepositories",
        {
            "url": "https://127.0.0.1:1/app",
            "provider": "github",
            "secretRef": {"name": "app"},
        },
    )


async def test_by_any_kind_of_source(cluster, namespace, suite, parrot):
    async with connected(cluster) as client:
        resource = Resource(GROUP, "v1", "gitrepositories", "GitRepository")
        any_kind = Sources(client, namespace, resource, suite.process, label=LABEL, defaults={})
        await any_kind.secret("git", username="ada", password=f"{CANARY}-git")
        await any_kind.secret("bearer", bearerToken=f"{CANARY}-bearer")
        await any_kind.secret("index", username="ada", password=f"{CANARY}-index")
        auth = {"auths": {parrot: {"username": "ada", "password": f"{CANARY}-registry"}}}
        await any_kind.pull_secret("docker", json.dumps(auth))
        await any_kind.secret("proxy", address=f"http://{parrot}", username="ada", password=f"{CANARY}-proxy")
        await any_kind.secret("bucket", accesskey="ada", secretkey=f"{CANARY}-bucket")
        await any_kind.secret("sas", sasKey=f"?sig={CANARY}-sas")
        await any_kind.secret(
            "app", githubAppID="7", githubAppInstallationID="9", githubAppPrivateKey=f"{CANARY}-key"
        )
        told, logins = [], []
        for number, (kind, plural, spec) in enumerate(cases(parrot)):
            sources = Sources(
                client,
                namespace,
                Resource(GROUP, "v1", plural, kind),
                suite.process,
                label=LABEL,
                defaults={"interval": "1h", "timeout": "5s"},
            )
            name = f"s{number:02}"
            await sources.create(name, **spec)
            failed = await sources.until(
                lambda obj, has=sources.condition: has(obj, "Ready")["status"] == "False", name
            )
            told.append(json.dumps(failed["status"]))
            logins.append(spec)
        told.append(json.dumps((await client.list(EVENTS, namespace))["items"]))
        told.append(suite.process.log.read_text())
    assert len(told) == len(logins) + 2
    for text in told:
        for secret in (CANARY, *ENCODED):
            at = text.find(secret)
            assert at < 0, text[max(0, at - 300) : at + 100]
