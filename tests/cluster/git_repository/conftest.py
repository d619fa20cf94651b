"""The real source-controller between a real API server and real Git servers, and the words of its tests."""

import asyncio
import base64
import io
import itertools
import tarfile
from contextlib import aclosing

import aiohttp
import pytest

from localcluster.ports import free_ports
from shared.kube import Connection, KubeClient
from shared.kube.errors import NotFound
from shared.kube.resources import Resource
from shared.testing.controllers import Suite
from shared.testing.git_server import GitServer
from shared.testing.git_upstream import Upstream
from shared.testing.kstatus_contract import violations

REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository")
EVENTS = Resource("", "v1", "events", "Event")
SECRETS = Resource("", "v1", "secrets", "Secret")
MINE = "test.headrace.io/source=git"
PATIENCE = 30
_TLS = {"ca_crt": "ca.crt", "tls_crt": "tls.crt", "tls_key": "tls.key"}


class Source:
    """One namespace in which source-controller works, one Git server, one upstream repository."""

    def __init__(self, client, namespace, server, upstream, process, storage):
        self.client = client
        self.namespace = namespace
        self.server = server
        self.upstream = upstream
        self.process = process
        self.storage = storage
        self._requests = itertools.count(1)

    async def repository(self, name="app", *, annotations=None, labels=None, **spec):
        """Creates a GitRepository of the upstream's branch main, with the given fields of the spec."""
        defaults = {"interval": "1h", "url": self.server.url(self.upstream.path), "ref": {"branch": "main"}}
        metadata = {"name": name, "namespace": self.namespace}
        labels = labels or {"test.headrace.io/source": "git"}
        metadata |= {"annotations": annotations or {}, "labels": labels}
        obj = {"apiVersion": REPOSITORIES.api_version, "kind": REPOSITORIES.kind, "metadata": metadata}
        return await self.client.create(REPOSITORIES, obj | {"spec": defaults | spec}, manager="test")

    async def secret(self, name, **data):
        """Creates a Secret; `_` in a key of TLS stands for a dot."""
        texts = {_TLS.get(key, key): value for key, value in data.items()}
        plain = {key: value.encode() if isinstance(value, str) else value for key, value in texts.items()}
        encoded = {key: base64.b64encode(value).decode() for key, value in plain.items()}
        metadata = {"name": name, "namespace": self.namespace}
        await self.client.create(
            SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
        )

    async def change(self, name="app", **spec):
        """Edits the spec."""
        return await self.client.merge_patch(
            REPOSITORIES, self.namespace, name, {"spec": spec}, manager="test"
        )

    async def delete(self, name="app"):
        """Deletes the object."""
        await self.client.delete(REPOSITORIES, self.namespace, name)

    async def get(self, name="app"):
        """The object, or None."""
        try:
            return await self.client.get(REPOSITORIES, self.namespace, name)
        except NotFound:
            return None

    async def until(self, met, name="app"):
        """Watches the object until `met` holds; a deleted one is None."""
        last = None
        watch = self.client.watch(
            REPOSITORIES, self.namespace, field_selector=f"metadata.name={name}", initial=True
        )
        try:
            async with asyncio.timeout(PATIENCE), aclosing(watch) as events:
                async for event in events:
                    if event.type == "BOOKMARK":
                        continue
                    last = None if event.type == "DELETED" else event.object
                    if met(last):
                        return last
        except TimeoutError:
            pass
        pytest.fail(
            f"not reached, status: {(last or {}).get('status')}\n{self.process.tail()}", pytrace=False
        )

    async def ready(self, name="app"):
        """Waits until the object is ready at its generation."""

        def met(obj):
            status = obj.get("status") or {}
            settled = status.get("observedGeneration") == obj["metadata"]["generation"]
            return condition(obj, "Ready")["status"] == "True" and settled

        return self._sound(await self.until(met, name))

    async def fails(self, reason, text="", name="app"):
        """Waits until the object is not ready for a reason."""

        def met(obj):
            ready = condition(obj, "Ready")
            return (ready["status"], ready["reason"]) == ("False", reason) and text in ready["message"]

        return self._sound(await self.until(met, name))

    async def reconcile(self, name="app"):
        """Asks for a turn as `flux reconcile` does; gives the object as that turn left it."""
        token = f"request-{next(self._requests)}"
        patch = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        await self.client.merge_patch(REPOSITORIES, self.namespace, name, patch, manager="test")
        return self._sound(
            await self.until(
                lambda obj: (obj.get("status") or {}).get("lastHandledReconcileAt") == token, name
            )
        )

    async def events(self, reason, name="app", *, at_least=1):
        """Waits for events of a reason about the object; gives them."""
        watch = self.client.watch(
            EVENTS, self.namespace, field_selector=f"involvedObject.name={name},reason={reason}", initial=True
        )
        found = {}
        try:
            async with asyncio.timeout(PATIENCE if at_least else 0.5), aclosing(watch) as events:
                async for event in events:
                    if event.type in {"ADDED", "MODIFIED"}:
                        found[event.object["metadata"]["name"]] = event.object
                    if at_least and sum(each["count"] for each in found.values()) >= at_least:
                        break
        except TimeoutError:
            if at_least:
                pytest.fail(f"no {at_least} events {reason}, but {list(found)}", pytrace=False)
        return list(found.values())

    async def fetch(self, obj, *, headers=None, method="GET"):
        """Downloads the artifact; gives status, headers and body."""
        url = obj if isinstance(obj, str) else obj["status"]["artifact"]["url"]
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(method, url, headers=headers) as answer,
        ):
            return answer.status, answer.headers, await answer.read()

    async def members(self, obj):
        """The tar members of the artifact, in order."""
        _, _, body = await self.fetch(obj)
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            return archive.getmembers()

    async def names(self, obj):
        """Names in the artifact, files only."""
        return [member.name for member in await self.members(obj) if member.isfile()]

    @staticmethod
    def condition(obj, type_):
        """A condition; empty when it is absent."""
        return condition(obj, type_)

    @staticmethod
    def _sound(obj):
        assert violations(obj) == []
        return obj


def condition(obj, type_):
    """A condition; empty when it is absent."""
    conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
    found = [each for each in conditions if each["type"] == type_]
    return found[0] if found else {"status": "", "reason": "", "message": ""}


@pytest.fixture(scope="session")
def source_suite(cluster, tmp_path_factory):
    """The charts in the cluster, and source-controller at work on all that no test keeps for itself."""
    folder = tmp_path_factory.mktemp("source")
    suite = Suite(cluster, folder)
    suite.install("replicas=0")
    storage = folder / "artifacts"
    storage.mkdir()
    port = free_ports(1)[0]
    process = suite.controller(
        "source_controller",
        "source-controller",
        [
            f"--storage-path={storage}",
            f"--storage-addr=127.0.0.1:{port}",
            f"--watch-label-selector={MINE}",
            "--min-retry-delay=100ms",
            "--max-retry-delay=2s",
        ],
    )
    process.start()
    process.storage = storage
    suite.source = process
    yield suite
    assert process.stop() == 0, process.tail()


@pytest.fixture
async def server(tmp_path):
    async with GitServer(tmp_path) as running:
        yield running


@pytest.fixture
def upstream(tmp_path):
    return Upstream(tmp_path)


@pytest.fixture
async def source(cluster, namespace, source_suite, server, upstream):
    connection = await Connection.load(cluster.kubeconfig)
    process = source_suite.source
    try:
        yield Source(KubeClient(connection), namespace, server, upstream, process, process.storage)
    finally:
        await connection.close()
        await asyncio.sleep(0.05)  # until the sockets of TLS connections are closed, too
