"""Objects of a kind of sources in one namespace, and the artifacts that source-controller makes of them."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from localcluster.cluster import Cluster
from localcluster.ports import free_ports
from shared.kube import Connection, KubeClient
from shared.kube.errors import NotFound
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.testing.controllers import ControllerProcess, Suite
from shared.testing.kstatus_contract import violations
from shared.testing.objects import watched

EVENTS: Final = Resource("", "v1", "events", "Event")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
LABEL: Final = "test.headrace.io/source"
PATIENCE: Final = 30

_TLS: Final = {"ca_crt": "ca.crt", "tls_crt": "tls.crt", "tls_key": "tls.key"}


@dataclass(frozen=True, slots=True)
class SourceSuite:
    """An installed suite, its source-controller, and where that keeps its artifacts."""

    suite: Suite
    process: ControllerProcess
    storage: Path


@contextmanager
def run_source(
    cluster: Cluster, folder: Path, label: str, *flags: str, disk: str = ""
) -> Iterator[SourceSuite]:
    """The charts in the cluster, and a source-controller at work on all objects with a label.

    `disk` is the size of the file system for its artifacts, as `mount` wants it; by default it is large.
    """
    suite = Suite(cluster, folder)
    suite.install("replicas=0")
    storage = folder / "artifacts"
    storage.mkdir()
    process = suite.controller(
        "source_controller",
        "source-controller",
        [
            f"--storage-path={storage}",
            f"--storage-addr=127.0.0.1:{free_ports(1)[0]}",
            f"--watch-label-selector={LABEL}={label}",
            "--min-retry-delay=100ms",
            "--max-retry-delay=2s",
            *flags,
        ],
        inside=_with_disk(storage, disk) if disk else (),
    )
    process.start()
    try:
        yield SourceSuite(suite, process, storage)
    finally:
        code = process.stop()
        assert code == 0, process.tail()


def _with_disk(folder: Path, size: str) -> list[str]:
    """A command that runs another one where a folder is a small file system, for that one alone."""
    script = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "--", "sh", "-c", script, str(folder)]


class Sources:
    """Objects of one kind in a namespace, that one process works on."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        resource: Resource,
        process: ControllerProcess,
        *,
        label: str,
        defaults: Mapping[str, Any],
    ) -> None:
        """New objects get the label that the process looks for, and the defaults in their spec."""
        self.client = client
        self.namespace = namespace
        self.resource = resource
        self.process = process
        self.label = label
        self.defaults = dict(defaults)
        self._requests = itertools.count(1)

    async def create(
        self,
        name: str = "app",
        *,
        annotations: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> JsonObject:
        """Creates an object; a field that is None is left out."""
        metadata = {
            "name": name,
            "namespace": self.namespace,
            "annotations": dict(annotations or {}),
            "labels": dict(labels or {LABEL: self.label}),
        }
        wanted = {key: value for key, value in (self.defaults | spec).items() if value is not None}
        obj = {"apiVersion": self.resource.api_version, "kind": self.resource.kind, "metadata": metadata}
        return await self.client.create(self.resource, obj | {"spec": wanted}, manager="test")

    async def secret(self, name: str, *, type_: str = "Opaque", **data: str | bytes) -> None:
        """Creates a Secret; `_` in a key of TLS stands for a dot."""
        texts = {_TLS.get(key, key): value for key, value in data.items()}
        plain = {key: value.encode() if isinstance(value, str) else value for key, value in texts.items()}
        await self._add(
            SECRETS,
            name,
            {"type": type_, "data": {key: base64.b64encode(value).decode() for key, value in plain.items()}},
        )

    async def pull_secret(self, name: str, config: str) -> None:
        """Creates a Secret with a Docker configuration."""
        await self.secret(name, type_="kubernetes.io/dockerconfigjson", **{".dockerconfigjson": config})

    async def account(self, name: str, *pull_secrets: str) -> None:
        """Creates a ServiceAccount with image pull Secrets."""
        resource = Resource("", "v1", "serviceaccounts", "ServiceAccount")
        await self._add(resource, name, {"imagePullSecrets": [{"name": each} for each in pull_secrets]})

    async def _add(self, resource: Resource, name: str, body: JsonObject) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata} | body
        await self.client.create(resource, obj)

    async def change(self, name: str = "app", **spec: Any) -> JsonObject:
        """Edits the spec."""
        return await self.client.merge_patch(
            self.resource, self.namespace, name, {"spec": spec}, manager="test"
        )

    async def delete(self, name: str = "app") -> None:
        """Deletes the object."""
        await self.client.delete(self.resource, self.namespace, name)

    async def get(self, name: str = "app") -> JsonObject | None:
        """The object, or None."""
        try:
            return await self.client.get(self.resource, self.namespace, name)
        except NotFound:
            return None

    async def until(
        self, met: Callable[[JsonObject | None], bool], name: str = "app", seconds: float = PATIENCE
    ) -> JsonObject | None:
        """Watches the object until `met` holds; a deleted one is None."""
        last: JsonObject | None = None
        watch = watched(
            self.client, self.resource, self.namespace, field_selector=f"metadata.name={name}", initial=True
        )
        try:
            async with asyncio.timeout(seconds), aclosing(watch) as events:
                async for event in events:
                    if event.type == "BOOKMARK":
                        if last is None and met(None):
                            return None  # it was gone before anybody looked
                        continue
                    last = None if event.type == "DELETED" else event.object
                    if met(last):
                        return last
        except TimeoutError:
            pass
        pytest.fail(
            f"not reached, status: {(last or {}).get('status')}\n{self.process.tail()}", pytrace=False
        )

    async def ready(self, name: str = "app") -> JsonObject:
        """Waits until the object is ready at its generation."""

        def met(obj: JsonObject | None) -> bool:
            status = (obj or {}).get("status") or {}
            settled = obj is not None and status.get("observedGeneration") == obj["metadata"]["generation"]
            return settled and self.condition(obj, "Ready")["status"] == "True"

        return self._sound(await self.until(met, name))

    async def fails(self, reason: str, text: str = "", name: str = "app") -> JsonObject:
        """Waits until the object is not ready for a reason."""

        def met(obj: JsonObject | None) -> bool:
            ready = self.condition(obj, "Ready")
            return (ready["status"], ready["reason"]) == ("False", reason) and text in ready["message"]

        return self._sound(await self.until(met, name))

    async def stalls(self, reason: str, text: str = "", name: str = "app") -> JsonObject:
        """Waits until nothing but an edit can help the object."""
        obj = await self.fails(reason, text, name)
        stalled = self.condition(obj, "Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", reason)
        assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
        return obj

    async def reconcile(self, name: str = "app") -> JsonObject:
        """Asks for a turn as `flux reconcile` does; gives the object as that turn left it."""
        token = f"request-{next(self._requests)}"
        patch = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        await self.client.merge_patch(self.resource, self.namespace, name, patch, manager="test")

        def met(obj: JsonObject | None) -> bool:
            return ((obj or {}).get("status") or {}).get("lastHandledReconcileAt") == token

        return self._sound(await self.until(met, name))

    async def events(
        self, reason: str, name: str = "app", *, at_least: int = 1, saying: str | None = None
    ) -> list[JsonObject]:
        """Waits for events of a reason (and a message) about the object; gives them."""
        about = f"involvedObject.name={name},reason={reason}"
        watch = watched(self.client, EVENTS, self.namespace, field_selector=about, initial=True)
        found: dict[str, JsonObject] = {}
        try:
            async with asyncio.timeout(PATIENCE if at_least else 0.5), aclosing(watch) as events:
                async for event in events:
                    if event.type in {"ADDED", "MODIFIED"} and saying in {None, event.object["message"]}:
                        found[event.object["metadata"]["name"]] = event.object
                    if at_least and sum(each["count"] for each in found.values()) >= at_least:
                        break
        except TimeoutError:
            if at_least:
                pytest.fail(f"no {at_least} events {reason} {saying or ''}, but {list(found)}", pytrace=False)
        return list(found.values())

    async def fetch(
        self, obj: JsonObject | str, *, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Downloads the artifact, or what is at an address; gives status, headers and body."""
        url = obj if isinstance(obj, str) else obj["status"]["artifact"]["url"]
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(method, url, headers=headers) as answer,
        ):
            return answer.status, answer.headers, await answer.read()

    async def members(self, obj: JsonObject) -> list[tarfile.TarInfo]:
        """The tar members of the artifact, in order."""
        _, _, body = await self.fetch(obj)
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            return archive.getmembers()

    async def names(self, obj: JsonObject) -> list[str]:
        """Names in the artifact, files only."""
        return [member.name for member in await self.members(obj) if member.isfile()]

    async def files(self, obj: JsonObject) -> dict[str, bytes]:
        """The files in the artifact with their bytes."""
        _, _, body = await self.fetch(obj)
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            found = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
            return {name: file.read() for name, file in found.items() if file is not None}

    @staticmethod
    def condition(obj: JsonObject | None, type_: str) -> JsonObject:
        """A condition; empty when it is absent."""
        conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
        found = [each for each in conditions if each["type"] == type_]
        return found[0] if found else {"status": "", "reason": "", "message": ""}

    @staticmethod
    def _sound(obj: JsonObject | None) -> JsonObject:
        assert obj is not None
        assert violations(obj) == []
        return obj


@asynccontextmanager
async def connected(cluster: Cluster) -> AsyncIterator[KubeClient]:
    """A client of the cluster, as its administrator."""
    connection = await Connection.load(cluster.kubeconfig)
    try:
        yield KubeClient(connection)
    finally:
        await connection.close()
        await asyncio.sleep(0.05)  # until the sockets of TLS connections are closed, too
