"""A cluster in memory that answers reads and watches, and counts what it is asked."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from shared.kube.errors import Conflict, NoMatch, NotFound
from shared.kube.resources import Resource
from shared.kube.watch import WatchEvent
from shared.ssa import Pace, SharedWatches

KINDS = {
    ("", "ConfigMap"): Resource("", "v1", "configmaps", "ConfigMap"),
    ("", "Secret"): Resource("", "v1", "secrets", "Secret"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Resource(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
    ),
    ("", "Pod"): Resource("", "v1", "pods", "Pod"),
    ("apps", "Deployment"): Resource("apps", "v1", "deployments", "Deployment"),
    ("apps", "StatefulSet"): Resource("apps", "v1", "statefulsets", "StatefulSet"),
    ("batch", "Job"): Resource("batch", "v1", "jobs", "Job"),
    ("", "Namespace"): Resource("", "v1", "namespaces", "Namespace", namespaced=False),
}


class MemoryDiscovery:
    async def find(self, group, kind, version=""):
        try:
            return KINDS[group, kind]
        except KeyError:
            raise NoMatch(group, kind, version) from None

    def invalidate(self):
        pass


class MemoryCluster:
    """Objects by kind, namespace and name; every write is told to the open watches."""

    identity = ""

    def __init__(self):
        self.discovery = MemoryDiscovery()
        self.objects = {}
        self.asked = Counter()
        self.refuse = {}
        self.refused_objects = {}
        self.written = []
        self.version = 100
        self._queues = []

    def put(self, obj):
        self.version += 1
        obj = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(self.version)}}
        self.objects[self._key(obj)] = obj
        self._tell("MODIFIED", obj)
        return obj

    def remove(self, obj):
        self.version += 1
        gone = self.objects.pop(self._key(obj))
        self._tell("DELETED", gone | {"metadata": gone["metadata"] | {"resourceVersion": str(self.version)}})

    @property
    def open_watches(self):
        return len(self._queues)

    def break_watches(self, error=None):
        """Ends all watches, as a server does after a while, or with an error."""
        for _, queue in self._queues:
            queue.put_nowait(error)

    async def get(self, resource, namespace, name):
        self._ask("get")
        return await self._found(resource, namespace, name)

    async def apply(self, resource, obj, *, manager, force=True, dry_run=False):
        """As if the caller owned every field: the object becomes what is applied."""
        self._ask("dry-run" if dry_run else "apply")
        if (error := self.refused_objects.get(obj["metadata"]["name"])) is not None:
            raise error
        return self._store(obj, "apply", dry_run=dry_run)

    async def create(self, resource, obj, *, dry_run=False, manager=""):
        self._ask("dry-create")
        assert dry_run
        if (error := self.refused_objects.get("new")) is not None:
            raise error
        return self._store(obj, "create", dry_run=True)

    async def delete(
        self, resource, namespace, name, *, uid="", propagation="Background", resource_version=""
    ):
        self._ask("delete")
        obj = await self._found(resource, namespace, name)
        if uid and uid != obj["metadata"]["uid"]:
            raise Conflict(409, "Conflict", "the UID in the precondition does not match")
        self.written.append(f"delete {name}")
        self.remove(obj)

    async def json_patch(self, resource, namespace, name, operations, *, manager):
        self._ask("json-patch")
        self.written.append(f"patch {name}")
        return dict(await self._found(resource, namespace, name))

    async def _found(self, resource, namespace, name):
        try:
            return self.objects[resource.kind, namespace or "", name]
        except KeyError:
            raise NotFound(404, "NotFound", f'{resource.plural} "{name}" not found') from None

    def _store(self, obj, verb, *, dry_run):
        there = self.objects.get(self._key(obj))
        known = there["metadata"] if there else {"uid": f"uid-{self.version}"}
        kept = {key: known[key] for key in ("uid", "resourceVersion") if key in known}
        result = obj | {"metadata": obj["metadata"] | kept}
        if dry_run:
            return result
        self.written.append(f"{verb} {obj['metadata']['name']}")
        return self.put(result)

    async def watch(self, resource, namespace=None, *, initial=False, label_selector="", **_):
        self._ask("watch")
        assert initial
        queue = asyncio.Queue()
        mine = (resource.kind, queue)
        self._queues.append(mine)
        try:
            for (kind, _, _), obj in list(self.objects.items()):
                if kind == resource.kind:
                    yield self._event("ADDED", obj)
            end = {"annotations": {"k8s.io/initial-events-end": "true"}, "resourceVersion": str(self.version)}
            yield WatchEvent("BOOKMARK", {"metadata": end})
            while isinstance(event := await queue.get(), WatchEvent):
                yield event
            if event is not None:
                raise event
        finally:
            self._queues.remove(mine)

    def _ask(self, verb):
        self.asked[verb] += 1
        if verb in self.refuse:
            raise self.refuse[verb]

    def _tell(self, kind, obj):
        for wanted, queue in self._queues:
            if wanted == obj["kind"]:
                queue.put_nowait(self._event(kind, obj))

    @staticmethod
    def _event(kind, obj):
        return WatchEvent(kind, obj | {"metadata": dict(obj["metadata"])})

    @staticmethod
    def _key(obj):
        return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


@pytest.fixture
def memory():
    return MemoryCluster()


@pytest.fixture
async def watches(memory):
    quick = timedelta(milliseconds=1)
    pace = Pace(linger=timedelta(0), poll=quick, retry=quick, retry_at_most=quick)
    async with SharedWatches(pace) as shared:
        yield shared
    assert len(shared) == 0
    assert memory.open_watches == 0
