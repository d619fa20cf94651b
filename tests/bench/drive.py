"""Drives whatever controllers watch the cluster, through the API only; sees by watch when they are done."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from load import NAMESPACE

from shared.kube import KubeClient, ObjectKey
from shared.kube.informer import Informer
from shared.kube.resources import Resource

KUSTOMIZATIONS = Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization")
_PATIENCE = 600.0


class Drive:
    """The objects of the bench and what they report."""

    def __init__(self, client: KubeClient):
        self.client = client
        self._changed = asyncio.Event()
        self.kustomizations = Informer(
            client,
            KUSTOMIZATIONS.group,
            KUSTOMIZATIONS.kind,
            lambda obj: obj.get("status") or {},
            namespace=NAMESPACE,
        )
        self.kustomizations.subscribe(lambda _: self._changed.set())

    async def create(self, objects: list[dict]) -> None:
        """Creates objects, a few at a time."""
        gate = asyncio.Semaphore(8)

        async def one(obj: dict) -> None:
            async with gate:
                group, _, version = obj["apiVersion"].rpartition("/")
                resource = await self.client.discovery.find(group, obj["kind"], version)
                await self.client.apply(resource, obj, manager="bench")

        await asyncio.gather(*map(one, objects))

    async def request(self, names: list[str]) -> str:
        """Asks for a reconciliation of each; gives the token they will report back."""
        token = datetime.now(UTC).isoformat()
        patch = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        gate = asyncio.Semaphore(8)

        async def one(name: str) -> None:
            async with gate:
                await self.client.merge_patch(KUSTOMIZATIONS, NAMESPACE, name, patch, manager="bench")

        await asyncio.gather(*map(one, names))
        return token

    async def until_ready(self, names: list[str], token: str = "") -> None:
        """Waits until all are ready, and have answered the request if there is a token."""
        async with asyncio.timeout(_PATIENCE):
            while not all(self._ready(name, token) for name in names):
                self._changed.clear()
                await self._changed.wait()

    def _ready(self, name: str, token: str) -> bool:
        status = self.kustomizations.store.header(ObjectKey(NAMESPACE, name))
        if not status or (token and status.get("lastHandledReconcileAt") != token):
            return False
        conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
        return conditions.get("Ready") == "True" and "Reconciling" not in conditions
