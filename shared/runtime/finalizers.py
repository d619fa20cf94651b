"""Writes the finalizers of an object; nobody else's change is overwritten."""

from __future__ import annotations

from typing import Any

from shared.kube.client import KubeClient
from shared.kube.errors import NotFound
from shared.kube.informer import Informer
from shared.kube.resources import Resource
from shared.lang.json import JsonObject


class Finalizers:
    """Of the objects of one kind, whose cache learns at once what was written."""

    def __init__(self, client: KubeClient, informer: Informer[Any], manager: str) -> None:
        self._client = client
        self._informer = informer
        self._manager = manager

    async def write(self, resource: Resource, raw: JsonObject, finalizers: list[str]) -> None:
        """Makes these the finalizers of an object that is as the cache knows it, or gone.

        Raises:
            KubeError: refused, for example because the object has changed.
        """
        metadata = raw["metadata"]
        patch: JsonObject = {
            "metadata": {"finalizers": finalizers, "resourceVersion": metadata["resourceVersion"]}
        }
        try:
            updated = await self._client.merge_patch(
                resource, metadata.get("namespace"), metadata["name"], patch, manager=self._manager
            )
        except NotFound:
            return
        if finalizers or updated["metadata"].get("deletionTimestamp") is None:
            self._informer.absorb(updated)
