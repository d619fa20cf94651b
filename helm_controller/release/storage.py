"""The releases of one name in the cluster: Secrets, one per revision, as Helm keeps them.

Records can be large, so they are packed and unpacked in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from helm_controller.release.codec import release_of, secret_name, secret_of
from helm_controller.release.model import Release, ReleaseStatus, UnreadableRelease
from shared.kube.client import KubeClient
from shared.kube.errors import AlreadyExists, KubeError, NotFound, ServerError
from shared.kube.resources import Resource
from shared.lang.json import JsonObject

SECRETS: Final = Resource("", "v1", "secrets", "Secret")
_MANAGER: Final = "helm-controller"


class StorageError(Exception):
    """The record of a release can't be read or written; the message names it."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a revision without reading its content."""

    version: int
    status: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class Listing:
    """All revisions, the newest first, and the resource version at which that was so."""

    records: Sequence[Record]
    resource_version: str


def _unseen(release: Release) -> None:
    """Nobody looks."""
    del release


def _unmeasured(size: int) -> None:
    """Nobody asks."""
    del size


@dataclass(slots=True)
class Storage:
    """The revisions of one release name in one namespace.

    `observe` is called with every release right after it was written, `measure` with the size of its record.
    `written` keeps what was written since the last deletion, by the resource version that it got.
    """

    client: KubeClient
    namespace: str
    name: str
    now: Callable[[], datetime]
    observe: Callable[[Release], None] = field(default=_unseen)
    measure: Callable[[int], None] = field(default=_unmeasured)
    written: dict[str, Release] = field(default_factory=dict, repr=False)

    async def records(self) -> Sequence[Record]:
        """All revisions as they are now, the newest first, without their content.

        Raises:
            StorageError: the API server does not give them.
        """
        return (await self.listing()).records

    async def listing(self, not_older_than: str = "") -> Listing:
        """All revisions without their content; as of a resource version or later if one is given.

        Raises:
            StorageError: the API server does not give them.
        """
        found = await self._list(metadata_only=True, not_older_than=not_older_than)
        records = [_record(secret["metadata"]) for secret in found["items"]]
        records.sort(key=lambda record: record.version, reverse=True)
        return Listing(records, str(found["metadata"].get("resourceVersion") or ""))

    async def history(self) -> list[Release]:
        """All revisions that can be read, the newest first.

        Raises:
            StorageError: the API server does not give them.
        """
        secrets = (await self._list(metadata_only=False))["items"]
        releases = await asyncio.to_thread(_readable, secrets)
        return sorted(releases, key=lambda release: release.version, reverse=True)

    async def get(self, version: int) -> Release | None:
        """One revision; None when there is none that can be read.

        Raises:
            StorageError: the API server does not give it.
        """
        with suppress(UnreadableRelease):
            return await self.read(version)
        return None

    async def read(self, version: int) -> Release | None:
        """One revision; None when there is none.

        Raises:
            UnreadableRelease: the record is none of a release; StorageError: the API server does not give it.
        """
        try:
            secret = await self.client.get(SECRETS, self.namespace, self._secret(version))
        except NotFound:
            return None
        except KubeError as error:
            raise StorageError(f"query: failed to get release {self.name}.v{version}: {error}") from error
        return await asyncio.to_thread(release_of, secret)

    async def create(self, release: Release, max_history: int = 0) -> Release:
        """Adds a revision; first removes the oldest ones so that `max_history` are left (0: no limit).

        Nothing is removed for a record that can't be one.

        Raises:
            StorageError: it can't be written, or is there already.
        """
        secret = await self._encoded(release, created=True)
        taken = f"create: release {self.name}.v{release.version} already exists"
        if max_history > 0:
            records = await self.records()
            if any(record.version == release.version for record in records):
                raise StorageError(taken)
            await self._prune(records, max_history - 1)
        try:
            stored = await self.client.create(SECRETS, secret, manager=_MANAGER)
        except AlreadyExists as error:
            raise StorageError(taken) from error
        except KubeError as error:
            raise StorageError(f"create: failed to create release {self.name}: {error}") from error
        return self._stored(release, stored)

    async def update(self, release: Release) -> Release:
        """Replaces the record of a revision.

        Raises:
            StorageError: it can't be written, or is not there.
        """
        secret = await self._encoded(release, created=False)
        # As in Helm, only the time of the last write is told.
        labels = {**secret["metadata"]["labels"], "createdAt": None}
        patch = {"metadata": {"labels": labels}, "data": secret["data"]}
        try:
            stored = await self.client.merge_patch(
                SECRETS, self.namespace, secret["metadata"]["name"], patch, manager=_MANAGER
            )
        except KubeError as error:
            raise StorageError(f"update: failed to update release {self.name}: {error}") from error
        return self._stored(release, stored)

    async def delete(self, version: int) -> None:
        """Removes a revision.

        Raises:
            StorageError: it can't be removed.
        """
        self.written.clear()  # it names no moment after which this is seen
        try:
            await self.client.delete(SECRETS, self.namespace, self._secret(version))
        except NotFound:
            return
        except KubeError as error:
            raise StorageError(f"delete: failed to delete release {self.name}.v{version}: {error}") from error

    async def _prune(self, records: Sequence[Record], keep: int) -> None:
        """Removes the oldest revisions, but never the newest deployed one."""
        deployed = next((each.version for each in records if each.status == ReleaseStatus.DEPLOYED), 0)
        surplus = len(records) - keep
        for record in reversed(records):
            if surplus <= 0:
                return
            if record.version != deployed:
                await self.delete(record.version)
                surplus -= 1

    async def _list(self, *, metadata_only: bool, not_older_than: str = "") -> JsonObject:
        try:
            return await self.client.list(
                SECRETS,
                self.namespace,
                label_selector=f"name={self.name},owner=helm",
                metadata_only=metadata_only,
                not_older_than=not_older_than,
            )
        except KubeError as error:
            if not_older_than and isinstance(error, ServerError):
                # The server has not come to such a version: it is another server's, or of another time.
                return await self._list(metadata_only=metadata_only)
            raise StorageError(f"query: failed to list releases of {self.name}: {error}") from error

    def _stored(self, release: Release, secret: JsonObject) -> Release:
        self.written[str(secret["metadata"].get("resourceVersion") or "")] = release
        self.observe(release)
        return release

    async def _encoded(self, release: Release, *, created: bool) -> JsonObject:
        now = self.now()
        try:
            secret = await asyncio.to_thread(secret_of, release, self.namespace, now, created=created)
        except ValueError as error:
            raise StorageError(str(error)) from error
        self.measure(len(secret["data"]["release"]) * 3 // 4)
        return secret

    def _secret(self, version: int) -> str:
        return secret_name(self.name, version)


def _readable(secrets: Iterable[JsonObject]) -> list[Release]:
    releases = []
    for secret in secrets:
        with suppress(UnreadableRelease):
            releases.append(release_of(secret))
    return releases


def _record(metadata: JsonObject) -> Record:
    labels = metadata.get("labels") or {}
    version = str(labels.get("version") or "")
    return Record(
        int(version) if version.isdecimal() else 0,
        str(labels.get("status") or ""),
        str(metadata.get("resourceVersion") or ""),
    )
