"""A real controller on a real API server, with a reconciler that follows a script."""

import asyncio
import contextlib
from collections import Counter, deque
from datetime import timedelta
from pathlib import Path

import pytest

from shared.api.kustomize_v1 import Kustomization
from shared.events import KubernetesSink, Recorder
from shared.kube import Connection, KubeClient, ObjectKey
from shared.kube.informer import Informer
from shared.observe.clock import SystemClock
from shared.runtime.controller import Controller, Policy
from shared.runtime.header import Header
from shared.runtime.outcome import Done, Gone
from shared.testing.definitions import define

CRDS = Path(__file__).parents[3] / "charts/kustomize-controller/files/crds"
SOURCE = {"kind": "GitRepository", "name": "s"}
GROUP, KIND = "kustomize.toolkit.fluxcd.io", "Kustomization"
DONE = Done(timedelta(minutes=5), "Succeeded", "fine")


class CountingClient(KubeClient):
    """Keeps the paths of writes and, on demand, does something before a write."""

    def __init__(self, connection):
        super().__init__(connection)
        self.writes = []
        self.before_write = None

    async def request(self, method, path, **options):
        if method != "GET":
            if self.before_write is not None:
                await self.before_write(path)
            self.writes.append((method, path, options.get("body")))
        return await super().request(method, path, **options)


class Script:
    """Answers turns in order per name: outcomes, exceptions, or coroutine functions of (obj, turn)."""

    kind = Kustomization
    owned = frozenset({"Ready", "Reconciling", "Stalled"})

    def __init__(self):
        self.answers = {}
        self.turns = []
        self.active = Counter()

    async def reconcile(self, obj, turn):
        self.turns.append(obj.name)
        answers = self.answers.get(obj.name)
        answer = answers.popleft() if answers else DONE
        if callable(answer):
            answer = await answer(obj, turn)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def finalize(self, obj, turn):
        self.turns.append(f"-{obj.name}")
        return Gone()


class World:
    """One namespace of the server, its objects, and the controller over them."""

    def __init__(self, client, namespace, resource):
        self.client = client
        self.namespace = namespace
        self.resource = resource
        self.script = Script()
        self.clock = SystemClock()
        self.events = Recorder([KubernetesSink(client, "kustomize-controller", "test", self.clock)])
        self.informer = Informer(client, GROUP, KIND, Header.of, namespace=namespace)
        self.controller = None
        self._tasks = []

    async def start(self, **policy):
        defaults = {
            "concurrent": 4,
            "min_retry": timedelta(milliseconds=50),
            "max_retry": timedelta(seconds=1),
            "jitter_percentage": 0,
            "manager": "gotk-kustomize-controller",
        }
        self.controller = Controller(
            self.script, self.informer, self.client, self.events, self.clock, Policy(**defaults | policy)
        )
        self._tasks = [asyncio.create_task(self.informer.run()), asyncio.create_task(self.events.run())]
        await self.informer.synced.wait()
        self._tasks.append(asyncio.create_task(self.controller.run()))

    async def stop(self):
        if not self._tasks:
            return
        self.controller.stop()
        await self._tasks[2]
        for task in self._tasks[:2]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def answer(self, name, *answers):
        self.script.answers[name] = deque(answers)

    async def create(self, name="a", annotations=None, **spec):
        obj = {
            "apiVersion": self.resource.api_version,
            "kind": KIND,
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "annotations": annotations or {},
                # Keeps the real kustomize-controller of other tests away.
                "labels": {"test.headrace.io/own": self.namespace},
            },
            "spec": {"interval": "5m", "prune": False, "sourceRef": SOURCE} | spec,
        }
        return await self.client.create(self.resource, obj)

    async def edit(self, patch, name="a", subresource=""):
        return await self.client.merge_patch(
            self.resource, self.namespace, name, patch, manager="user", subresource=subresource
        )

    async def delete(self, name="a"):
        await self.client.delete(self.resource, self.namespace, name)

    async def get(self, name="a"):
        return await self.client.get(self.resource, self.namespace, name)

    def key(self, name="a"):
        return ObjectKey(self.namespace, name)

    async def until(self, condition, name="a"):
        """The object, once the condition (a function of it) holds."""
        async with asyncio.timeout(20):
            while True:
                obj = await self.get(name)
                with contextlib.suppress(KeyError):
                    if condition(obj):
                        return obj
                await asyncio.sleep(0.02)

    async def eventually(self, condition):
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - looks at what others change
                await asyncio.sleep(0.01)

    async def rest(self):
        """Waits until a change made now has certainly been seen: a marker object had its turn."""
        name = f"marker-{len(self.script.turns)}"
        await self.create(name)
        await self.until(lambda obj: obj["status"]["observedGeneration"] == 1, name)


@pytest.fixture(scope="session")
def definition(cluster):
    define(cluster, *(file.read_text() for file in CRDS.glob("*.yaml")))


@pytest.fixture
async def client(cluster):
    connection = await Connection.load(Path(cluster.kubeconfig))
    yield CountingClient(connection)
    await connection.close()


@pytest.fixture
async def world(client, namespace, definition):
    async with asyncio.timeout(30):
        resource = await client.discovery.find(GROUP, KIND)
    one = World(client, namespace, resource)
    yield one
    await one.stop()
    # Otherwise the namespace could never go.
    for item in (await client.list(resource, namespace))["items"]:
        name = item["metadata"]["name"]
        await client.merge_patch(resource, namespace, name, {"metadata": {"finalizers": None}}, manager="t")
