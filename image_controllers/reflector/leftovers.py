"""Tags of repositories that went away while nobody watched."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from image_controllers.reflector.tags import Tags, TagsError
from shared.api.image_v1 import ImageRepository
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.kube.resources import ObjectKey


class Leftovers:
    """Asks the API server which repositories there are, and forgets the tags of all others.

    A cache may know a part of the objects only, so it is not asked.
    """

    def __init__(self, tags: Tags, client: KubeClient, pause: timedelta, namespace: str | None) -> None:
        """`namespace` is the only one that the controller works in; None stands for all."""
        self._tags = tags
        self._client = client
        self._pause = pause
        self._namespace = namespace
        self._log = structlog.get_logger("storage")

    async def run(self) -> None:
        """Looks again and again until it is cancelled; trouble is left to the next time."""
        while True:
            await asyncio.sleep(self._pause.total_seconds())
            try:
                await self.sweep()
            except (KubeError, TagsError) as error:
                self._log.error("tags without a repository can't be removed", error=str(error))

    async def sweep(self) -> list[ObjectKey]:
        """Forgets what is left over; says of which repositories it was.

        Raises:
            KubeError: the API server doesn't tell which repositories there are; nothing was removed.
            TagsError: files can't be removed.
        """
        resource = await self._client.discovery.find(ImageRepository.GROUP, ImageRepository.KIND)
        listed = await self._client.list(resource, self._namespace, metadata_only=True)
        metadata = [item["metadata"] for item in listed["items"]]
        known = {ObjectKey(each["namespace"], each["name"]) for each in metadata}
        gone = await self._tags.sweep(known)
        for key in gone:
            self._log.info("removed tags without a repository", namespace=key.namespace, name=key.name)
        return gone
