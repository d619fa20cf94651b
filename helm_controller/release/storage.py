"""The releases of one name in the cluster: Secrets, one per revision, as Helm keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from helm_controller.release.codec import release_of, secret_name, secret_of
from helm_controller.release.model import Release, ReleaseStatus, UnreadableRelease
from shared.kube.client import KubeClient
from shared.kube.errors import AlreadyExists, KubeError, NotFound
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


def _unseen(release: Release) -> None:
    """Nobody looks."""
    del release


@dataclass(slots=True)
class Storage:
    """The revisions of one release name in one namespace.

    `observe` is called with every release right after it was written.
    """

    client: KubeClient
    namespace: str
    name: str
    now: Callable[[], datetime]
    observe: Callable[[Release], None] = field(default=_unseen)

    async def records(self) -> list[Record]:
        """All revisions, the newest first, without their content.

        Raises:
            StorageError: the API server does not give them.
        """
        found = await self._list(metadata_only=True)
        records = [_record(secret["metadata"]) for secret in found]
        return sorted(records, key=lambda record: record.version, reverse=True)

    async def history(self) -> list[Release]:
        """All revisions that can be read, the newest first.

        Raises:
            StorageError: the API server does not give them.
        """
        releases = []
        for secret in await self._list(metadata_only=False):
            try:
                releases.append(release_of(secret))
            except UnreadableRelease:
                continue
        return sorted(releases, key=lambda release: release.version, reverse=True)

    async def get(self, version: int) -> Release | None:
        """One revision; None when there is none that can be read.

        Raises:
            StorageError: the API server does not give it.
        """
        try:
            return release_of(await self.client.get(SECRETS, self.namespace, self._secret(version)))
        except (NotFound, UnreadableRelease):
            return None
        except KubeError as error:
            raise StorageError(f"query: failed to get release {self.name}.v{version}: {error}") from error

    async def create(self, release: Release, max_history: int = 0) -> Release:
        """Adds a revision; first removes the oldest ones so that `max_history` are left (0: no limit).

        Raises:
            StorageError: it can't be written, or is there already.
        """
        if max_history > 0:
            await self._prune(max_history - 1)
        secret = self._encoded(release, created=True)
        try:
            await self.client.create(SECRETS, secret, manager=_MANAGER)
        except AlreadyExists as error:
            raise StorageError(f"create: release {self.name}.v{release.version} already exists") from error
        except KubeError as error:
            raise StorageError(f"create: failed to create release {self.name}: {error}") from error
        self.observe(release)
        return release

    async def update(self, release: Release) -> Release:
        """Replaces the record of a revision.

        Raises:
            StorageError: it can't be written, or is not there.
        """
        secret = self._encoded(release, created=False)
        patch = {"metadata": {"labels": secret["metadata"]["labels"]}, "data": secret["data"]}
        try:
            await self.client.merge_patch(
                SECRETS, self.namespace, secret["metadata"]["name"], patch, manager=_MANAGER
            )
        except KubeError as error:
            raise StorageError(f"update: failed to update release {self.name}: {error}") from error
        self.observe(release)
        return release

    async def delete(self, version: int) -> None:
        """Removes a revision.

        Raises:
            StorageError: it can't be removed.
        """
        try:
            await self.client.delete(SECRETS, self.namespace, self._secret(version))
        except NotFound:
            return
        except KubeError as error:
            raise StorageError(f"delete: failed to delete release {self.name}.v{version}: {error}") from error

    async def _prune(self, keep: int) -> None:
        """Removes the oldest revisions, but never the newest deployed one."""
        records = await self.records()
        deployed = next((each.version for each in records if each.status == ReleaseStatus.DEPLOYED), 0)
        surplus = len(records) - keep
        for record in reversed(records):
            if surplus <= 0:
                return
            if record.version != deployed:
                await self.delete(record.version)
                surplus -= 1

    async def _list(self, *, metadata_only: bool) -> Sequence[JsonObject]:
        try:
            found = await self.client.list(
                SECRETS,
                self.namespace,
                label_selector=f"name={self.name},owner=helm",
                metadata_only=metadata_only,
            )
        except KubeError as error:
            raise StorageError(f"query: failed to list releases of {self.name}: {error}") from error
        items: Sequence[JsonObject] = found["items"]
        return items

    def _encoded(self, release: Release, *, created: bool) -> JsonObject:
        try:
            return secret_of(release, self.namespace, self.now(), created=created)
        except ValueError as error:
            raise StorageError(str(error)) from error

    def _secret(self, version: int) -> str:
        return secret_name(self.name, version)


def _record(metadata: JsonObject) -> Record:
    labels = metadata.get("labels") or {}
    version = str(labels.get("version") or "")
    return Record(
        int(version) if version.isdecimal() else 0,
        str(labels.get("status") or ""),
        str(metadata.get("resourceVersion") or ""),
    )
