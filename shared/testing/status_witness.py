"""Sees every status that controllers write in a cluster, and holds it against the kstatus contract.

Tests wait for the states that they are about; what a controller writes on the way there, or to an object
that a test has forgotten, passes by unseen. The witness watches all objects of all kinds, so that nothing
does. It runs in a thread of its own, beside tests of any event loop.

Judged is each change of a status that nobody but controllers has ever written: tests that write conditions by
hand answer for themselves. A turn works for the generation that it has read; when the object was edited
meanwhile, its result is judged by the generation of which the conditions speak.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from shared.api import wire
from shared.kube import Connection, KubeClient
from shared.kube.errors import ApiError, KubeError
from shared.kube.resources import Resource
from shared.lang.json import JsonObject
from shared.testing.kstatus_contract import violations

KINDS: Final = (
    Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization"),
    Resource("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository"),
    Resource("source.toolkit.fluxcd.io", "v1", "ocirepositories", "OCIRepository"),
    Resource("source.toolkit.fluxcd.io", "v1", "helmrepositories", "HelmRepository"),
    Resource("source.toolkit.fluxcd.io", "v1", "helmcharts", "HelmChart"),
    Resource("source.toolkit.fluxcd.io", "v1", "buckets", "Bucket"),
    Resource("notification.toolkit.fluxcd.io", "v1", "receivers", "Receiver"),
    Resource("image.toolkit.fluxcd.io", "v1", "imagerepositories", "ImageRepository"),
    Resource("image.toolkit.fluxcd.io", "v1", "imagepolicies", "ImagePolicy"),
    Resource("image.toolkit.fluxcd.io", "v1", "imageupdateautomations", "ImageUpdateAutomation"),
)
_WRITERS: Final = frozenset(
    {
        "gotk-kustomize-controller",
        "source-controller",
        "notification-controller",
        "image-reflector-controller",
        "image-automation-controller",
    }
)
_PAUSE: Final = 0.2
_PATIENCE: Final = 20.0


class StatusWitness:
    """Watches for as long as the block lasts."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._judge = StatusJudge()
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="status witness")
        self._watching: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def take_broken(self) -> list[str]:
        """What has broken a rule since the last call."""
        with self._news:
            broken, self._judge.broken = self._judge.broken, []
            return broken

    def finished(self, obj: JsonObject, reason: str) -> bool:
        """Waits until a finished turn has left Ready with the reason; False when none does."""
        key = (*_key(obj), reason)
        with self._news:
            return self._news.wait_for(lambda: self._judge.finished[key] > 0, _PATIENCE)

    async def _start(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
            await asyncio.sleep(0.05)  # until the sockets of TLS connections are closed, too

    async def _watch(self) -> None:
        connection = await Connection.load(self._kubeconfig)
        try:
            async with asyncio.TaskGroup() as group:
                for kind in KINDS:
                    group.create_task(self._follow(KubeClient(connection), kind))
        finally:
            await connection.close()

    async def _follow(self, client: KubeClient, kind: Resource) -> None:
        version = ""
        while True:
            try:
                version = version or await self._list(client, kind)
                async with aclosing(client.watch(kind, resource_version=version)) as events:
                    async for event in events:
                        version = event.object["metadata"]["resourceVersion"]
                        if event.type in {"ADDED", "MODIFIED"}:
                            self._look(event.object)
            except KubeError as error:
                # The kind may not be there yet, and the server may be away.
                if isinstance(error, ApiError):
                    version = ""
                await asyncio.sleep(_PAUSE)

    async def _list(self, client: KubeClient, kind: Resource) -> str:
        page = await client.list(kind)
        for obj in page["items"]:
            self._look({"kind": kind.kind, **obj})
        return str(page["metadata"]["resourceVersion"])

    def _look(self, obj: JsonObject) -> None:
        with self._news:
            self._judge.look(obj)
            self._news.notify_all()


class StatusJudge:
    """Is shown each version of each object; keeps the rules that were broken, and what has finished."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        #: How many finished turns left an object with a reason of Ready: by kind, namespace, name, reason.
        self.finished: Counter[tuple[str, ...]] = Counter()
        self._seen: dict[str, Any] = {}
        self._touched: set[str] = set()

    def look(self, obj: JsonObject) -> None:
        """Judges a version, if it has a new status that a controller wrote."""
        status = obj.get("status") or {}
        uid = obj["metadata"]["uid"]
        known, self._seen[uid] = self._seen.get(uid), status
        if not _writers(obj) <= _WRITERS:
            self._touched.add(uid)
        begun = wire.FINALIZER in (obj["metadata"].get("finalizers") or ())
        if status == known or not begun or uid in self._touched or not _writers(obj):
            return
        conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
        finished = conditions.get("Reconciling", {}).get("reason") in {None, "ProgressingWithRetry"}
        name = "/".join(_key(obj))
        self.broken += [f"{name}: {rule}: {status}" for rule in violations(_as_read(obj), finished=finished)]
        if finished:
            self.finished[(*_key(obj), conditions.get("Ready", {}).get("reason", ""))] += 1


def _key(obj: JsonObject) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]


def _writers(obj: JsonObject) -> set[str]:
    """Who has written something of the status that still stands."""
    entries = obj["metadata"].get("managedFields") or ()
    return {entry["manager"] for entry in entries if entry.get("subresource") == "status"}


def _as_read(obj: JsonObject) -> JsonObject:
    """The object with the generation that the conditions speak of, where that is an older one."""
    metadata = obj["metadata"]
    spoken = [condition.get("observedGeneration", 0) for condition in (obj["status"].get("conditions") or ())]
    generation = min(metadata["generation"], max(spoken, default=metadata["generation"]))
    return obj | {"metadata": metadata | {"generation": generation}}
