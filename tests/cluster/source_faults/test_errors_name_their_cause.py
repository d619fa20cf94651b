"""What users read when a server can't be reached, or can't be trusted."""

from datetime import timedelta

import pytest
from aiohttp import web

from localcluster.ports import free_ports
from shared.kube.resources import Resource
from shared.testing.source import Sources, connected, run_source
from shared.testing.tls import Authority

GROUP = "source.toolkit.fluxcd.io"
LABEL = "causes"
KINDS = {
    "GitRepository": ("gitrepositories", lambda host: {"url": f"https://{host}/app.git"}, "secretRef"),
    "OCIRepository": ("ocirepositories", lambda host: {"url": f"oci://{host}/org/app"}, "certSecretRef"),
    "HelmRepository": ("helmrepositories", lambda host: {"url": f"https://{host}/charts"}, "certSecretRef"),
    "Bucket": (
        "buckets",
        lambda host: {"endpoint": host, "bucketName": "app", "region": "us-east-1"},
        "certSecretRef",
    ),
}


@pytest.fixture(scope="module")
def suite(cluster, tmp_path_factory):
    with run_source(cluster, tmp_path_factory.mktemp("causes"), LABEL) as suite:
        yield suite


@pytest.fixture(params=KINDS)
async def source(request, cluster, namespace, suite):
    plural, spec, ca = KINDS[request.param]
    async with connected(cluster) as client:
        resource = Resource(GROUP, "v1", plural, request.param)
        defaults = {"interval": "1h", "timeout": "10s"}
        sources = Sources(client, namespace, resource, suite.process, label=LABEL, defaults=defaults)

        async def failing(host, **more):
            await sources.create(**spec(host) | more)
            failed = await sources.until(
                lambda obj: sources.condition(obj, "Ready")["status"] == "False", seconds=90
            )
            return sources.condition(failed, "Ready")["message"]

        sources.failing, sources.ca = failing, ca
        yield sources


@pytest.fixture
def serve():
    """Starts servers with a context of TLS; gives host and port."""
    runners = []

    async def start(context):
        runner = web.AppRunner(web.Application())
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        return f"127.0.0.1:{runner.addresses[0][1]}"

    return start, runners


@pytest.fixture
async def expired(serve):
    start, runners = serve
    authority = Authority()
    host = await start(authority.server_context(life=-timedelta(minutes=1)))
    yield host, authority.pem
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def misnamed(serve):
    start, runners = serve
    authority = Authority()
    host = await start(authority.server_context("other.example.com"))
    yield host, authority.pem
    for runner in runners:
        await runner.cleanup()


async def test_a_host_that_nobody_knows(source):
    message = await source.failing("no-such-host.invalid", timeout="60s")
    assert "the host no-such-host.invalid can't be resolved" in message


async def test_a_port_where_nobody_listens(source):
    host = f"127.0.0.1:{free_ports(1)[0]}"
    assert f"can't connect to {host}" in await source.failing(host)


async def test_a_certificate_that_has_expired(source, expired):
    host, ca = expired
    await source.secret("ca", ca_crt=ca)
    message = await source.failing(host, **{source.ca: {"name": "ca"}})
    assert f"the certificate of {host} is not trusted: certificate has expired" in message


async def test_a_certificate_of_somebody_else(source, misnamed):
    host, ca = misnamed
    await source.secret("ca", ca_crt=ca)
    message = await source.failing(host, **{source.ca: {"name": "ca"}})
    assert f"the certificate of {host} is not trusted: " in message
    assert "127.0.0.1" in message


async def test_a_certificate_of_an_unknown_authority(source, misnamed):
    host, _ = misnamed
    message = await source.failing(host)
    assert f"the certificate of {host} is not trusted: " in message
