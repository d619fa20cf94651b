"""A real controller on an API server in memory, with a reconciler that follows a script."""

import asyncio
from collections import deque
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from shared.api import wire
from shared.api.kustomize_v1 import Kustomization
from shared.events import Recorder
from shared.kube import ObjectKey, Resource
from shared.kube.errors import NotFound
from shared.kube.informer import Informer
from shared.runtime.controller import Controller, Policy
from shared.runtime.header import Header
from shared.runtime.outcome import Done, Gone
from shared.runtime.settings import Settings

KIND = Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization")
DONE = Done(None, "Succeeded", "fine")


class LoopClock:
    """The loop's time, which tests move."""

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self):
        return asyncio.get_running_loop().time()


def merged(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        result[key] = merged(result.get(key), value)
        if value is None:
            del result[key]
    return result


class Memory:
    """Objects of one kind; writes are told to the informer as a watch would tell them."""

    def __init__(self):
        self.discovery = self
        self.objects = {}
        self.version = 0
        self.patches = []
        self.refuse = deque()
        #: How long the answer to a write takes.
        self.latency = 0.0
        self.informer = Informer(self, KIND.group, KIND.kind, Header.of)

    async def find(self, group, kind, version=""):
        return KIND

    def put(self, name, initial=False, generation=1, annotations=None, finalizers=(wire.FINALIZER,), **spec):
        spec = {"interval": "5m", "prune": False, "sourceRef": {"kind": "GitRepository", "name": "s"}} | spec
        metadata = {"name": name, "namespace": "ns", "uid": name, "generation": generation}
        metadata |= {"annotations": annotations or {}, "finalizers": list(finalizers)}
        obj = {"apiVersion": KIND.api_version, "kind": KIND.kind, "metadata": metadata, "spec": spec}
        known = self.objects.get(name) or {"status": {"observedGeneration": -1}}
        self._keep(obj | {"status": known["status"]}, initial=initial)
        return ObjectKey("ns", name)

    def _keep(self, obj, initial=False):
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.objects[obj["metadata"]["name"]] = obj
        self.informer._tell(self.informer.store.put(deepcopy(obj), initial=initial))

    async def get(self, resource, namespace, name):
        return deepcopy(self.objects[name])

    async def merge_patch(self, resource, namespace, name, patch, *, manager, subresource=""):
        await asyncio.sleep(0)
        if self.refuse:
            raise self.refuse.popleft()
        if name not in self.objects:
            raise NotFound(404, "NotFound", name)
        self.patches.append((name, patch))
        self._keep(merged(deepcopy(self.objects[name]), patch))
        answer = deepcopy(self.objects[name])
        if self.latency:
            await asyncio.sleep(self.latency)
        return answer

    def status(self, name):
        return self.objects[name]["status"]


class Script:
    """Answers turns: by name from `answers` (values, exceptions or coroutine functions), else `Done`."""

    kind = Kustomization
    owned = frozenset({"Ready", "Reconciling", "Stalled"})

    def __init__(self):
        self.answers = {}
        self.turns = []

    async def reconcile(self, obj, turn):
        self.turns.append((obj.name, asyncio.get_running_loop().time()))
        answers = self.answers.get(obj.name)
        answer = answers.popleft() if answers else DONE
        if callable(answer):
            answer = await answer(obj, turn)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def finalize(self, obj, turn):
        self.turns.append((f"-{obj.name}", asyncio.get_running_loop().time()))
        return Gone()

    def times(self, name):
        return [at for each, at in self.turns if each == name]


class World:
    """Everything around one controller."""

    def __init__(self, events, **policy):
        self.api = Memory()
        self.script = Script()
        settings = Settings()
        self.controller = Controller(
            self.script,
            self.api.informer,
            self.api,
            Recorder([events]),
            LoopClock(),
            Policy(
                **{
                    "concurrent": settings.concurrent,
                    "min_retry": settings.min_retry_delay,
                    "max_retry": settings.max_retry_delay,
                    "jitter_percentage": 0,
                    "manager": "test",
                    **policy,
                }
            ),
        )
        self._task = asyncio.create_task(self.controller.run())

    def answer(self, name, *answers):
        self.script.answers[name] = deque(answers)

    async def stop(self):
        self.controller.stop()
        await self._task


class Events:
    """Keeps events instead of sending them."""

    name = "memory"

    def __init__(self):
        self.seen = []

    def wants(self, event):
        self.seen.append(event)
        return False

    async def send(self, event):
        raise AssertionError


@pytest.fixture
def events():
    return Events()


@pytest.fixture
async def world(events):
    made = []

    def make(**policy):
        made.append(World(events, **policy))
        return made[-1]

    yield make
    for each in made:
        await each.stop()
