"""The real notification-controller, called from outside, between a real API server and real objects."""

import asyncio
import base64
import contextlib
import io
import itertools
import uuid
from pathlib import Path

import aiohttp
import pytest

from localcluster import Cluster
from localcluster.access import ClusterError
from localcluster.ports import HOST, free_ports
from notification_controller.receivers.answering import Webhooks
from notification_controller.receivers.budget import Budget
from notification_controller.receivers.callers import Callers
from notification_controller.receivers.directory import Directory
from notification_controller.receivers.header import ReceiverHeader
from notification_controller.receivers.identity import Identities
from notification_controller.receivers.issuers import Issuers, Patience
from notification_controller.receivers.known_secrets import KnownSecrets
from notification_controller.receivers.resources import Requests
from notification_controller.receivers.server import webhook_server
from shared.api.notification_v1 import Receiver
from shared.api.wire import REQUESTED_AT
from shared.kube import Connection, KubeClient
from shared.kube.informer import Informer
from shared.lang import json
from shared.observe.clock import SystemClock
from shared.testing.controllers import ControllerProcess, Suite
from shared.testing.kstatus_contract import violations
from shared.testing.objects import Objects
from shared.testing.patience import PATIENCE, eventually

RECEIVER = "Receiver.notification.toolkit.fluxcd.io"
GIT = "GitRepository.source.toolkit.fluxcd.io"
TOKEN = "s3cr3t"
_names = itertools.count(1)


class Hooks(Objects):
    """Receivers of one namespace, what they name, and whoever calls them."""

    def __init__(self, client, namespace, process, url, http):
        super().__init__(client, namespace)
        self.process = process
        self.url = url
        self.knows = bool
        self._http = http

    async def secret(self, name="token", labels=None, **data):
        metadata = {"name": name, "labels": labels or {}}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        return await self.create(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
        )

    async def new_token(self, value, name="token"):
        return await self.edit("Secret", name, {"data": {"token": base64.b64encode(value.encode()).decode()}})

    async def repository(self, name="app", labels=None, annotations=None):
        """A GitRepository that nobody but Receivers looks at."""
        metadata = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
        spec = {"interval": "1h", "url": "https://git.example/app", "suspend": True}
        return await self.create(
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": metadata,
                "spec": spec,
            }
        )

    async def declare(self, kind="generic", name="hook", **spec):
        """Creates a Receiver of the GitRepository `app`, whatever comes of it."""
        resources = [{"kind": "GitRepository", "name": "app"}]
        secret = {} if kind == "generic-oidc" else {"secretRef": {"name": "token"}}
        wanted = {"type": kind, "interval": "1h", "resources": resources} | secret | spec
        return await self.create(
            {
                "apiVersion": "notification.toolkit.fluxcd.io/v1",
                "kind": "Receiver",
                "metadata": {"name": name},
                "spec": {key: value for key, value in wanted.items() if value is not None},
            }
        )

    async def receiver(self, kind="generic", name="hook", **spec):
        """Creates a Receiver, with its Secret if there is none, and gives its path once it is ready."""
        if kind != "generic-oidc" and await self.live("Secret", "token") is None:
            await self.secret(token=TOKEN)
        before = self.turns()
        await self.declare(kind, name, **spec)
        path = (await self.settled(name))["status"]["webhookPath"]
        # Everybody may know of a status before the answer to its write has come back to the process.
        async with asyncio.timeout(PATIENCE):
            while self.turns() == before or not self.knows(path):  # noqa: ASYNC110 - what others change
                await asyncio.sleep(0.02)
        return path

    def turns(self):
        """How many turns of Receivers have ended well in the process."""
        line = 'controller_runtime_reconcile_total{controller="receiver",result="requeue_after"} '
        return float(self.process.metrics().partition(line)[2].partition("\n")[0] or 0)

    async def settled(self, name="hook", status="True", generation=None):
        """The Receiver once its Ready condition has this status for its generation."""

        def met(obj):
            ready = self.condition(obj, "Ready")
            wanted = generation or (obj or {"metadata": {"generation": 0}})["metadata"]["generation"]
            return ready["status"] == status and ready.get("observedGeneration") == wanted

        obj = await self.until(RECEIVER, name, met)
        assert violations(obj) == []
        return obj

    async def call(self, path, body=b"", headers=None, method="POST", content_type="application/json"):
        """The status of the answer and what it says."""
        given = {"Content-Type": content_type} | (headers or {})
        async with self._http.request(
            method, f"{self.url}{path}", data=io.BytesIO(body), headers=given
        ) as answer:
            said = await answer.read()
            return answer.status, (json.loads(said).get("error") if said else "")

    async def call_until_known(self, path):
        """Calls a path of which the process may not know yet."""
        async with asyncio.timeout(PATIENCE):
            while (answer := await self.call(path))[0] == 404:  # noqa: ASYNC110 - what others change
                await asyncio.sleep(0.02)
        return answer

    async def call_until(self, path, status):
        """Calls a path until that is the status of the answer: the process hears of changes in its time."""
        await eventually(lambda: self.call(path), lambda answer: answer[0] == status)

    async def requested(self, name="app", kind=GIT, namespace=None):
        """The last request for a reconciliation of an object, or nothing."""
        resource = await self.resource(kind)
        found = await self.client.get(resource, namespace or self.namespace, name)
        return (found["metadata"].get("annotations") or {}).get(REQUESTED_AT, "")


@contextlib.asynccontextmanager
async def at_work(cluster, account, folder, *flags, namespace="", name="", through=None):
    """A controller of a namespace, by default one of its own, and somebody who calls it."""
    own = not namespace
    namespace = namespace or f"hooks{next(_names)}-{uuid.uuid4().hex[:6]}"
    with contextlib.suppress(ClusterError):
        cluster.kubectl("create", "namespace", namespace)
    webhooks, events = free_ports(2)
    process = ControllerProcess(
        "notification_controller",
        through(account) if through else account,
        folder,
        arguments=[
            "--watch-all-namespaces=false",
            f"--receiverAddr={HOST}:{webhooks}",
            f"--events-addr={HOST}:{events}",
            "--min-retry-delay=100ms",
            "--max-retry-delay=1s",
            *flags,
        ],
        namespace=namespace,
        name=name,
    )
    process.start()
    connection = await Connection.load(Path(cluster.kubeconfig))
    try:
        async with aiohttp.ClientSession() as http:
            yield Hooks(KubeClient(connection), namespace, process, f"http://{HOST}:{webhooks}", http)
    finally:
        code = process.stop()
        await connection.close()
        await asyncio.to_thread(clean, cluster, namespace, whole=own)
        assert code == 0, process.tail()
        log = process.log.read_text()
        assert "unexpected error" not in log, process.tail()
        assert TOKEN not in log


def clean(cluster, namespace, *, whole):
    """Leaves no Receiver behind, which would keep the namespace, nor Secrets."""
    patch = '{"metadata":{"finalizers":null}}'
    for name in cluster.kubectl("-n", namespace, "get", RECEIVER.lower(), "-o", "name").split():
        cluster.kubectl("-n", namespace, "patch", name, "--type=merge", "-p", patch)
        cluster.kubectl("-n", namespace, "delete", name, "--ignore-not-found")
    cluster.kubectl("-n", namespace, "delete", "secret", "token", "--ignore-not-found")
    if whole:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


@contextlib.asynccontextmanager
async def replica(hooks, google_keys, pause=30.0):
    """Another replica of the controller's webhook server, for which Google is somewhere else."""
    clock = SystemClock()
    receivers = Informer(
        hooks.client, Receiver.GROUP, Receiver.KIND, ReceiverHeader.of, namespace=hooks.namespace
    )
    async with aiohttp.ClientSession() as http:
        identities = Identities(Issuers(http, clock, Patience(pause=pause)), clock, google_keys)
        directory = Directory(receivers)
        webhooks = Webhooks(
            directory,
            Callers(KnownSecrets(hooks.client, None, clock), identities),
            Requests(hooks.client, clock, manager="notification-controller", cross_namespace=True),
            Budget(clock),
        )
        server = webhook_server(webhooks, (HOST, 0), clock)
        await server.start()
        task = asyncio.create_task(receivers.run())
        try:
            await receivers.synced.wait()
            other = Hooks(hooks.client, hooks.namespace, hooks.process, f"http://{HOST}:{server.port}", http)
            other.knows = directory.at
            yield other
        finally:
            await server.stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="session")
def cluster():
    """A control plane of these tests' own: no other notification-controller may write what they read."""
    with Cluster() as own:
        yield own


@pytest.fixture(scope="session")
def suite(cluster, tmp_path_factory):
    """The charts in it."""
    installed = Suite(cluster, tmp_path_factory.mktemp("suite"))
    installed.install()
    return installed


@pytest.fixture
def working(cluster, suite, tmp_path):
    """Starts a controller with flags of its own and the rights of its chart, for as long as a block lasts."""
    account = cluster.kubeconfig_for(suite.namespace, "notification-controller")

    def start(*flags, **options):
        return at_work(cluster, account, tmp_path, *flags, **options)

    return start


@pytest.fixture
async def hooks(working):
    async with working() as hooks:
        yield hooks


@pytest.fixture
def another_replica():
    return replica
