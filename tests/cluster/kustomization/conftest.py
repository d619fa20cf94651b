"""The real kustomize-controller against a real API server, and the words in which its tests are written.

Sources are written by hand: a GitRepository object whose artifact is served from loopback. Nothing here
sleeps for luck: what a test waits for is watched.
"""

import asyncio
import itertools
import uuid
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from localcluster import programs
from shared.kube import Connection, KubeClient
from shared.kube.errors import NotFound
from shared.lang import json, yaml
from shared.testing.artifact_server import ArtifactServer
from shared.testing.controllers import Suite
from shared.testing.kstatus_contract import violations

KUSTOMIZATION = "Kustomization.kustomize.toolkit.fluxcd.io"
GIT_REPOSITORY = "GitRepository.source.toolkit.fluxcd.io"
OWN = "test.headrace.io/own"
PATIENCE = 20


class Flux:
    """One namespace of a cluster in which kustomize-controller works.

    Kinds are named as kubectl names them: `ConfigMap`, `Deployment.apps`.
    """

    def __init__(self, client, namespace, artifacts, suite, process):
        self.client = client
        self.namespace = namespace
        self.artifacts = artifacts
        self.process = process
        self._suite = suite
        self._requests = itertools.count(1)

    # What there is

    async def publish(self, *objects, files=None, source="app", revision="", namespace="", metadata=None):
        """Makes a new artifact of objects or files and announces it; gives the artifact."""
        content = files if files is not None else {"manifests.yaml": yaml.dump_all(objects)}
        artifact = self.artifacts.publish(content, revision)
        if metadata:
            artifact["metadata"] = metadata
        await self.announce(artifact, source, namespace)
        return artifact

    async def announce(self, artifact, source="app", namespace=""):
        """Says in the status of a source that it has the artifact; makes the source if there is none."""
        namespace = namespace or self.namespace
        resource = await self.resource(GIT_REPOSITORY)
        try:
            await self.client.get(resource, namespace, source)
        except NotFound:
            obj = {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "metadata": {"name": source, "namespace": namespace},
                "spec": {"interval": "1h", "url": "https://git.invalid/app"},
            }
            await self.client.create(resource, obj)
        status = {"status": {"artifact": artifact}}
        await self.client.merge_patch(
            resource, namespace, source, status, manager="source-controller", subresource="status"
        )

    async def kustomization(self, name="app", *, labels=None, annotations=None, **spec):
        """Creates a Kustomization of the source `app`, with the given fields of the spec."""
        resource = await self.resource(KUSTOMIZATION)
        defaults = {
            "interval": "1h",
            "retryInterval": "1s",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "app"},
            "targetNamespace": self.namespace,
        }
        metadata = {"name": name, "namespace": self.namespace}
        return await self.client.create(
            resource,
            {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "metadata": metadata | {"labels": labels or {}, "annotations": annotations or {}},
                "spec": defaults | spec,
            },
            manager="test",
        )

    async def create(self, obj, manager="test"):
        """Creates any object, in this namespace if it needs one."""
        resource, obj = await self._placed(obj)
        return await self.client.create(resource, obj, manager=manager)

    async def apply(self, obj, manager):
        """Applies any object server-side as somebody else."""
        resource, obj = await self._placed(obj)
        return await self.client.apply(resource, obj, manager=manager)

    async def edit(self, kind, name, patch, manager="test", subresource=""):
        """Merge-patches an object as somebody else."""
        resource = await self.resource(kind)
        namespace = self.namespace if resource.namespaced else None
        return await self.client.merge_patch(
            resource, namespace, name, patch, manager=manager, subresource=subresource
        )

    async def change(self, name="app", **spec):
        """Edits the spec of a Kustomization."""
        return await self.edit(KUSTOMIZATION, name, {"spec": spec})

    async def finish(self, job):
        """Lets the pod of a Job end well, as a node would report it."""
        resource = await self.resource("Pod")
        watch = self.client.watch(
            resource, self.namespace, label_selector=f"batch.kubernetes.io/job-name={job}", initial=True
        )
        async with asyncio.timeout(PATIENCE), aclosing(watch) as events:
            async for event in events:
                if event.type == "ADDED":
                    name = event.object["metadata"]["name"]
                    done = {"status": {"phase": "Succeeded"}}
                    await self.edit("Pod", name, done, "kubelet", "status")
                    return

    async def delete(self, kind, name):
        """Deletes an object."""
        resource = await self.resource(kind)
        await self.client.delete(resource, self.namespace if resource.namespaced else None, name)

    async def live(self, kind, name):
        """The object as it is, or None."""
        resource = await self.resource(kind)
        try:
            return await self.client.get(resource, self.namespace if resource.namespaced else None, name)
        except NotFound:
            return None

    async def names(self, kind="ConfigMap"):
        """Names of the objects of a kind in the namespace, but for those that Kubernetes makes itself."""
        found = await self.client.list(await self.resource(kind), self.namespace)
        return sorted({obj["metadata"]["name"] for obj in found["items"]} - {"kube-root-ca.crt"})

    # What comes

    async def until(self, kind, name, met, seconds=PATIENCE):
        """Watches an object until `met` holds of it; a deleted object is None."""
        resource, last = await self.resource(kind), None
        namespace = self.namespace if resource.namespaced else None
        watch = self.client.watch(resource, namespace, field_selector=f"metadata.name={name}", initial=True)
        try:
            async with asyncio.timeout(seconds), aclosing(watch) as events:
                async for event in events:
                    if event.type == "BOOKMARK":
                        if last is None and met(None):
                            return None
                        continue
                    last = None if event.type == "DELETED" else event.object
                    if met(last):
                        return last
        except TimeoutError:
            pass
        status = (last or {}).get("status")
        pytest.fail(
            f"{kind}/{name} did not come to it, status: {status}\n{self.process.tail()}", pytrace=False
        )

    async def versions(self, kind, since, last):
        """All versions of an object after that one, up to the one of which `last` holds."""
        resource, metadata = await self.resource(kind), since["metadata"]
        watch = self.client.watch(
            resource,
            metadata.get("namespace"),
            field_selector=f"metadata.name={metadata['name']}",
            resource_version=metadata["resourceVersion"],
        )
        found = []
        async with asyncio.timeout(PATIENCE), aclosing(watch) as events:
            async for event in events:
                if event.type != "BOOKMARK":
                    found.append(event.object)
                    if last(event.object):
                        return found
        raise AssertionError("the watch ended early")

    async def ready(self, name="app", *, seconds=PATIENCE):
        """Waits until a Kustomization is ready at its generation and at the revision of its source."""
        source = await self._source_of(name)

        def met(obj):
            status = obj.get("status") or {}
            return (
                self.condition(obj, "Ready")["status"] == "True"
                and status["observedGeneration"] == obj["metadata"]["generation"]
                and status.get("lastAppliedRevision") == source["status"]["artifact"]["revision"]
            )

        return self._sound(await self.until(KUSTOMIZATION, name, met, seconds))

    async def fails(self, reason, text="", name="app", *, seconds=PATIENCE):
        """Waits until a Kustomization is not ready for a reason, with the text in its message."""

        def met(obj):
            ready = self.condition(obj, "Ready")
            return (ready["status"], ready["reason"]) == ("False", reason) and text in ready["message"]

        return self._sound(await self.until(KUSTOMIZATION, name, met, seconds))

    async def progress(self, text, name="app", *, type_="Reconciling"):
        """Waits until a turn says what it is doing."""
        return await self.until(
            KUSTOMIZATION, name, lambda obj: text in self.condition(obj, type_)["message"]
        )

    async def request(self, name="app"):
        """Asks for a turn as `flux reconcile` does; gives the token that its status will show."""
        token = f"request-{next(self._requests)}"
        patch = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        await self.edit(KUSTOMIZATION, name, patch)
        return token

    async def reconcile(self, name="app"):
        """Asks for a turn, and gives the Kustomization as that turn left it."""
        token = await self.request(name)
        obj = await self.until(
            KUSTOMIZATION,
            name,
            lambda obj: (obj.get("status") or {}).get("lastHandledReconcileAt") == token,
        )
        return self._sound(obj)

    async def gone(self, kind, name, seconds=PATIENCE):
        """Waits until an object is not there."""
        await self.until(kind, name, lambda obj: obj is None, seconds)

    async def event(self, text, name="app"):
        """Waits for an event about a Kustomization whose message contains the text."""
        resource = await self.resource("Event")
        watch = self.client.watch(
            resource, self.namespace, field_selector=f"involvedObject.name={name}", initial=True
        )
        seen = []
        try:
            async with asyncio.timeout(PATIENCE), aclosing(watch) as events:
                async for event in events:
                    message = event.object.get("message") or ""
                    if text in message and event.type in ("ADDED", "MODIFIED"):
                        return event.object
                    seen.append(message)
        except TimeoutError:
            pass
        pytest.fail(f"no event with {text!r}, but {seen}\n{self.process.tail()}", pytrace=False)

    async def events(self, name="app"):
        """Messages of all events about a Kustomization."""
        found = await self.client.list(
            await self.resource("Event"), self.namespace, field_selector=f"involvedObject.name={name}"
        )
        return sorted(obj["message"] for obj in found["items"])

    async def turns(self, at_least, name="app"):
        """Waits until the process has finished that many turns of a Kustomization."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if await asyncio.to_thread(self.count_of_turns, name) >= at_least:
                    return
                await asyncio.sleep(0.1)

    def count_of_turns(self, name="app"):
        """How many turns of a Kustomization the process has finished; adding the finalizer is none."""
        labels = f'kind="Kustomization",name="{name}",namespace="{self.namespace}"'
        lines = self.process.metrics().splitlines()
        counts = [line for line in lines if f"_duration_seconds_count{{{labels}}}" in line]
        return int(float(counts[0].split()[-1])) if counts else 0

    def log(self, name="app"):
        """What the process has logged about a Kustomization."""
        lines = map(json.loads, self.process.log.read_bytes().splitlines())
        return [line for line in lines if (line.get("namespace"), line.get("name")) == (self.namespace, name)]

    # How to read it

    @staticmethod
    def condition(obj, type_):
        """A condition; empty when it is absent."""
        conditions = (obj.get("status") or {}).get("conditions") or ()
        found = [condition for condition in conditions if condition["type"] == type_]
        return found[0] if found else {"status": "", "reason": "", "message": ""}

    @staticmethod
    def inventory(obj):
        """The ids in the inventory, in their order."""
        return [entry["id"] for entry in ((obj["status"].get("inventory") or {}).get("entries") or ())]

    @staticmethod
    def managers(obj):
        """Who owns fields of the object."""
        return {entry["manager"] for entry in obj["metadata"]["managedFields"]}

    def id_of(self, kind, name, group=""):
        """The inventory id of an object in this namespace."""
        return f"{self.namespace}_{name}_{group}_{kind}"

    # Controllers with flags of their own

    @contextmanager
    def own(self, *flags, started=True):
        """Another controller process, which works on Kustomizations with `labels=flux.mine` alone."""
        selector = f"--watch-label-selector={OWN}={self.namespace}"
        process = self._suite.controller(
            "kustomize_controller",
            "kustomize-controller",
            [f"--kustomize-binary={programs.path('kustomize')}", selector, *flags],
            name=f"own-{self.namespace}",
        )
        mine, self.process = self.process, process
        try:
            if started:
                process.start()
            yield process
        finally:
            process.kill()
            self.process = mine

    @property
    def mine(self):
        """Labels of the Kustomizations that `own` works on."""
        return {OWN: self.namespace}

    async def release(self):
        """Lets Kustomizations go whose controller is no longer there."""
        resource = await self.resource(KUSTOMIZATION)
        found = await self.client.list(resource, self.namespace, label_selector=OWN)
        for obj in found["items"]:
            name = obj["metadata"]["name"]
            await self.edit(KUSTOMIZATION, name, {"metadata": {"finalizers": None}})

    async def resource(self, kind):
        """What the server calls a kind."""
        name, _, group = kind.partition(".")
        return await self.client.discovery.find(group, name)

    async def _placed(self, obj):
        group = obj["apiVersion"].rpartition("/")[0]
        resource = await self.client.discovery.find(group, obj["kind"])
        if resource.namespaced:
            obj = obj | {"metadata": {"namespace": self.namespace} | obj["metadata"]}
        return resource, obj

    async def _source_of(self, name):
        reference = (await self.live(KUSTOMIZATION, name))["spec"]["sourceRef"]
        namespace = reference.get("namespace") or self.namespace
        return await self.client.get(await self.resource(GIT_REPOSITORY), namespace, reference["name"])

    def _sound(self, obj):
        assert violations(obj) == []
        return obj


@pytest.fixture(scope="session")
def artifacts():
    with ArtifactServer() as server:
        yield server


@pytest.fixture(scope="session")
def suite(cluster, tmp_path_factory):
    installed = Suite(cluster, Path(tmp_path_factory.mktemp("kustomize")))
    installed.install()
    return installed


@pytest.fixture(scope="session")
def controller(suite):
    """The process that most tests share; it leaves alone what belongs to `Flux.own`."""
    process = suite.controller(
        "kustomize_controller",
        "kustomize-controller",
        [
            f"--kustomize-binary={programs.ensure('kustomize')}",
            f"--watch-label-selector=!{OWN}",
        ],
    )
    process.start()
    yield process
    assert process.running, process.tail()
    assert process.stop() == 0, process.tail()
    assert "unexpected error" not in process.log.read_text()


@asynccontextmanager
async def connected(cluster, namespace, artifacts, suite, controller):
    connection = await Connection.load(Path(cluster.kubeconfig))
    try:
        flux = Flux(KubeClient(connection), namespace, artifacts, suite, controller)
        yield flux
        await flux.release()
    finally:
        await connection.close()


@pytest.fixture
async def flux(cluster, namespace, artifacts, suite, controller):
    async with connected(cluster, namespace, artifacts, suite, controller) as flux:
        yield flux


@pytest.fixture(scope="module")
def shared_namespace(cluster):
    name = f"shared-{uuid.uuid4().hex[:6]}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_flux(cluster, shared_namespace, artifacts, suite, controller):
    """One namespace for all tests of a module, whose long waits run side by side."""
    async with connected(cluster, shared_namespace, artifacts, suite, controller) as flux:
        yield flux


@pytest.fixture(scope="session")
def job():
    """A Job that never ends by itself: there is no node for its pod."""

    def make(name="job", **spec):
        containers = [{"name": "main", "image": "main:1"}]
        template = {"spec": {"restartPolicy": "Never", "containers": containers}}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"template": template} | spec,
        }

    return make


@pytest.fixture(scope="session")
def deployment():
    def make(name="web", image="web:1", replicas=0, **spec):
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": image}]},
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template} | spec,
        }

    return make


@pytest.fixture(scope="session")
def config_map():
    def make(name="a", labels=None, annotations=None, **data):
        metadata = {"name": name}
        if labels:
            metadata["labels"] = labels
        if annotations:
            metadata["annotations"] = {
                f"kustomize.toolkit.fluxcd.io/{key}": value for key, value in annotations.items()
            }
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"k": "v"}}

    return make
