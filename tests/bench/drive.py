"""Drives whatever controllers watch the cluster, through the API only; sees by watch when they are done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from load import NAMESPACE

from shared.kube import KubeClient, ObjectKey
from shared.kube.informer import Informer
from shared.kube.resources import Resource

KUSTOMIZATIONS = Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization")
REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository")
IMAGES = Resource("source.toolkit.fluxcd.io", "v1", "ocirepositories", "OCIRepository")
INDEXES = Resource("source.toolkit.fluxcd.io", "v1", "helmrepositories", "HelmRepository")
CHARTS = Resource("source.toolkit.fluxcd.io", "v1", "helmcharts", "HelmChart")
RELEASES = Resource("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease")
BUCKETS = Resource("source.toolkit.fluxcd.io", "v1", "buckets", "Bucket")
IMAGE_REPOSITORIES = Resource("image.toolkit.fluxcd.io", "v1", "imagerepositories", "ImageRepository")
POLICIES = Resource("image.toolkit.fluxcd.io", "v1", "imagepolicies", "ImagePolicy")
AUTOMATIONS = Resource("image.toolkit.fluxcd.io", "v1", "imageupdateautomations", "ImageUpdateAutomation")
_FOLLOWED = (
    KUSTOMIZATIONS,
    REPOSITORIES,
    IMAGES,
    INDEXES,
    CHARTS,
    BUCKETS,
    RELEASES,
    IMAGE_REPOSITORIES,
    POLICIES,
    AUTOMATIONS,
)
_PATIENCE = 900.0


class Drive:
    """The objects of the bench and what they report."""

    def __init__(self, client: KubeClient):
        self._client = client
        self._changed = asyncio.Event()
        self._informers = {resource.kind: self._informer(resource) for resource in _FOLLOWED}
        self._watching: list[asyncio.Task] = []

    async def __aenter__(self) -> Self:
        self._watching = [asyncio.create_task(informer.run()) for informer in self._informers.values()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def create(self, objects: Iterable[dict]) -> None:
        """Creates objects, a few at a time."""

        async def one(obj: dict) -> None:
            group, _, version = obj["apiVersion"].rpartition("/")
            resource = await self._client.discovery.find(group, obj["kind"], version)
            await self._client.apply(resource, obj, manager="bench")

        await _each(objects, one)

    async def delete(self, resource: Resource, names: Iterable[str]) -> None:
        """Deletes objects and waits until they are gone."""
        names = list(names)
        await _each(names, lambda name: self._client.delete(resource, NAMESPACE, name))
        await self._until(lambda name: not self._status(resource, name), names)

    async def request(self, resource: Resource, names: Iterable[str]) -> str:
        """Asks for a reconciliation of each; gives the token they will report back."""
        token = datetime.now(UTC).isoformat()
        patch = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}

        async def one(name: str) -> None:
            await self._client.merge_patch(resource, NAMESPACE, name, patch, manager="bench")

        await _each(names, one)
        return token

    async def until_ready(
        self, resource: Resource, names: Iterable[str], *, token: str = "", commit: str = ""
    ) -> None:
        """Waits until all are ready, have answered the request, and are at the commit, if there is one."""

        def ready(name: str) -> bool:
            status = self._status(resource, name)
            if token and status.get("lastHandledReconcileAt") != token:
                return False
            return _is_ready(status) and _revision(status).endswith(commit)

        await self._until(ready, names)

    async def until_seen(self, resource: Resource, names: Iterable[str], of: Resource, source: str) -> None:
        """Waits until all have seen a newer revision of their source than the first of them has now."""
        names = list(names)
        old = self._status(resource, names[0]).get("observedSourceArtifactRevision")

        def seen(name: str) -> bool:
            new = _revision(self._status(of, source))
            return (
                new not in {"", old}
                and self._status(resource, name).get("observedSourceArtifactRevision") == new
            )

        await self._until(seen, names)

    async def choose(self, policy: str, image: str, tag: str) -> None:
        """Says in place of a suspended policy what it has chosen."""
        status = {"latestRef": {"name": image, "tag": tag}}
        await self._client.merge_patch(
            POLICIES, NAMESPACE, policy, {"status": status}, manager="bench", subresource="status"
        )

    def pushed(self, name: str) -> str:
        """The commit that an automation has pushed last."""
        return str(self._status(AUTOMATIONS, name).get("lastPushCommit") or "")

    async def until_pushed(self, name: str, before: str) -> None:
        """Waits until an automation has pushed another commit."""
        await self._until(lambda each: self.pushed(each) not in {"", before}, [name])

    async def until_failing(self, resource: Resource, names: Iterable[str]) -> None:
        """Waits until none is ready, each with a reason."""

        def failing(name: str) -> bool:
            conditions = self._status(resource, name).get("conditions") or ()
            return any(item["type"] == "Ready" and item["status"] == "False" for item in conditions)

        await self._until(failing, names)

    async def _until(self, holds: Callable[[str], bool], names: Iterable[str]) -> None:
        left = set(names)
        async with asyncio.timeout(_PATIENCE):
            while left := {name for name in left if not holds(name)}:
                self._changed.clear()
                await self._changed.wait()

    def _status(self, resource: Resource, name: str) -> dict:
        return self._informers[resource.kind].store.header(ObjectKey(NAMESPACE, name)) or {}

    def _informer(self, resource: Resource) -> Informer:
        informer = Informer(
            self._client,
            resource.group,
            resource.kind,
            lambda obj: obj.get("status") or {},
            namespace=NAMESPACE,
            optional=True,
        )
        informer.subscribe(lambda _: self._changed.set())
        return informer


async def _each(items: Iterable, action: Callable) -> None:
    gate = asyncio.Semaphore(8)

    async def one(item: object) -> None:
        async with gate:
            await action(item)

    await asyncio.gather(*map(one, items))


def _is_ready(status: dict) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
    return conditions.get("Ready") == "True" and "Reconciling" not in conditions


def _revision(status: dict) -> str:
    artifact = (status.get("artifact") or {}).get("revision")
    return str(status.get("lastAppliedRevision") or artifact or status.get("lastAttemptedRevision") or "")
