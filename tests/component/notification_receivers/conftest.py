"""The webhook server with Receivers of every type, over an API server that only takes notes."""

import asyncio
import base64
from contextlib import asynccontextmanager

import aiohttp
import pytest

from notification_controller.receivers.answering import Webhooks
from notification_controller.receivers.budget import Budget
from notification_controller.receivers.callers import Callers
from notification_controller.receivers.directory import Directory
from notification_controller.receivers.header import ReceiverHeader
from notification_controller.receivers.identity import Identities
from notification_controller.receivers.issuers import Issuers
from notification_controller.receivers.known_secrets import KnownSecrets
from notification_controller.receivers.paths import webhook_path
from notification_controller.receivers.resources import Requests
from notification_controller.receivers.server import webhook_server
from shared.api.notification_v1 import GROUP, ReceiverType
from shared.kube.errors import NotFound, Unreachable
from shared.kube.informer import Informer
from shared.kube.resources import Resource
from shared.observe.clock import SystemClock

HOST = "127.0.0.1"
TOKEN = "s3cr3t"
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Succeeded",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


class Api:
    """As much of an API server as a call needs; `asked` has verb and name of each request."""

    def __init__(self):
        self.discovery = self
        self.asked = []
        self.patches = []
        self.away = False

    async def find(self, group, kind, version):
        return Resource(group, version, f"{kind.lower()}s", kind)

    async def get(self, resource, namespace, name, *, metadata_only=False):
        self._note("GET", name)
        if resource.kind != "Secret":
            return {"metadata": {"name": name, "namespace": namespace, "annotations": {}}}
        if name == "missing":
            raise NotFound(404, "NotFound", f'secrets "{name}" not found')
        data = {"token": TOKEN, "email": "pusher@project.example", "audience": "https://hooks.example"}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        return {"metadata": {"resourceVersion": "1"}, "data": encoded}

    async def merge_patch(self, resource, namespace, name, patch, *, manager):
        self._note("PATCH", name)
        self.patches.append(patch)
        if name == "gone":
            raise NotFound(404, "NotFound", "gone")
        return {}

    def _note(self, verb, name):
        self.asked.append((verb, name))
        if self.away:
            raise Unreachable("no answer")


def receiver(name, namespace, kind, *, path, **spec):
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Receiver",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": name,
            "resourceVersion": "1",
            "generation": 1,
        },
        "spec": {"type": kind, "resources": [{"kind": "Bucket", "name": "b"}]} | spec,
        "status": {"webhookPath": path, "conditions": [READY]},
    }


class Board:
    """The server, how it is called, and the paths of its Receivers: one of each type, by its name."""

    def __init__(self, api, receivers, server, http):
        self.api = api
        self.server = server
        self.paths = {}
        self._receivers = receivers
        self._http = http

    def add(self, kind, name="", namespace="n", **spec):
        name = name or str(kind)
        if kind == ReceiverType.GENERIC_OIDC:
            validations = [{"expression": "claims.sub == 'me'", "message": "not me"}]
            needed = {"oidcProviders": [{"issuerURL": "http://127.0.0.1:1", "validations": validations}]}
        else:
            needed = {"secretRef": {"name": "s"}}
        token = b"" if kind == ReceiverType.GENERIC_OIDC else TOKEN.encode()
        self.paths[name] = webhook_path(token, name, namespace)
        self._receivers.absorb(receiver(name, namespace, kind, path=self.paths[name], **(needed | spec)))
        return self.paths[name]

    async def call(self, path, body=b"", headers=None, method="POST"):
        given = {"Content-Type": "application/json"} | (headers or {})
        url = f"http://{HOST}:{self.server.port}{path}"
        async with self._http.request(method, url, data=body, headers=given) as answer:
            return answer.status, await answer.read(), answer.headers

    async def raw(self, data, *, ends=False):
        """The status of the answer to raw bytes; 0 where the connection ends without one.

        What may be no whole request has to be followed by the end of the connection.
        """
        reader, writer = await asyncio.open_connection(HOST, self.server.port)
        try:
            writer.write(data)
            if ends:
                writer.write_eof()
            head = await reader.read(16)
            return int(head.split()[1]) if head.startswith(b"HTTP/1.") else 0
        except ConnectionError:
            return 0
        finally:
            writer.close()


class AheadClock(SystemClock):
    """Time passes as it does, and faster where a test wants it."""

    ahead = 0.0

    def monotonic(self):
        return super().monotonic() + self.ahead


@asynccontextmanager
async def running():
    clock, api = AheadClock(), Api()
    receivers = Informer(api, GROUP, "Receiver", ReceiverHeader.of)
    async with aiohttp.ClientSession() as http:
        webhooks = Webhooks(
            Directory(receivers),
            Callers(
                KnownSecrets(api, None, clock),
                Identities(Issuers(http, clock), clock, "http://127.0.0.1:1/keys"),
            ),
            Requests(api, clock, manager="test", cross_namespace=True),
            Budget(clock),
        )
        receivers.synced.set()
        server = webhook_server(webhooks, (HOST, 0), clock)
        await server.start()
        board = Board(api, receivers, server, http)
        board.synced = receivers.synced
        board.clock = clock
        try:
            yield board
        finally:
            await server.stop()


@pytest.fixture
async def board():
    async with running() as board:
        yield board


@pytest.fixture(scope="session")
def boards():
    """Makes a board in the loop that runs then."""
    return running
