"""What all operations work with, and the steps that several of them have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from helm_controller.cluster.applying import Owner, Way, delete_dropped
from helm_controller.cluster.client_side import ClientSide
from helm_controller.cluster.hooks import Hooks
from helm_controller.cluster.objects import ClusterError, Placed, known, placed
from helm_controller.cluster.server_side import ServerSide
from helm_controller.cluster.waiting import Waiting
from helm_controller.patching.patch_rules import PatchRules
from helm_controller.release.manifest import ManifestError, objects_in
from helm_controller.release.model import CLIENT_SIDE, SERVER_SIDE, Release, ReleaseStatus
from helm_controller.release.storage import Storage, StorageError
from helm_controller.release.times import stamp
from shared.kube.client import KubeClient
from shared.observe.clock import Clock
from shared.runtime.outcome import Interrupted, Superseded


class OperationFailed(Exception):
    """An operation failed; what was stored of it tells how far it came."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an operation is to be done."""

    timeout: timedelta
    wait: bool = True
    wait_for_jobs: bool = True
    hooks: bool = True
    server_side: bool = True
    #: Of client-side changes: replace objects, don't patch them.
    replace: bool = False
    take_ownership: bool = True
    create_namespace: bool = False
    cleanup_on_fail: bool = False
    #: How many revisions are kept; 0 means all.
    max_history: int = 5
    keep_history: bool = False
    propagation: str = "background"

    @property
    def method(self) -> str:
        """How the record names the way objects are applied."""
        return SERVER_SIDE if self.server_side else CLIENT_SIDE


@dataclass(frozen=True, slots=True)
class Means:
    """The cluster, the records, and the ways to wait."""

    client: KubeClient
    storage: Storage
    waiting: Waiting
    clock: Clock
    rules: PatchRules
    #: Tells the log of the operation what is being done.
    say: Callable[[str], None]
    #: Ask the cluster for its kinds again at each step.
    rediscovers: bool = False

    @property
    def hooks(self) -> Hooks:
        """Runs hooks and records their runs."""
        self._rediscover()
        return Hooks(self.client, self.waiting, self.clock, self.storage.update)

    def way(self, options: Options, before: Sequence[Placed] = (), *, migrate: bool = False) -> Way:
        """How objects are brought into the cluster; `before` has those of the release before."""
        if options.server_side:
            return ServerSide(self.client, migrate=migrate)
        known = {each.id: each.obj for each in before}
        return ClientSide(self.client, self.rules, known, replace=options.replace)

    def now(self) -> str:
        """The time as records have it."""
        return stamp(self.clock.now())

    async def objects(self, release: Release) -> list[Placed]:
        """The objects of a release.

        Raises:
            OperationFailed: the manifest can't be read, or has kinds that the cluster does not know.
        """
        self._rediscover()
        try:
            return await placed(self.client, objects_in(release.manifest), release.namespace)
        except (ManifestError, ClusterError) as error:
            raise OperationFailed(str(error)) from error

    async def known_objects(self, release: Release) -> list[Placed]:
        """The objects of an earlier release; kinds that are gone from the cluster have no objects left.

        Raises:
            OperationFailed: the manifest can't be read, or the cluster doesn't tell which kinds it has.
        """
        self._rediscover()
        try:
            return await known(self.client, objects_in(release.manifest), release.namespace)
        except (ManifestError, ClusterError) as error:
            raise OperationFailed(str(error)) from error

    def _rediscover(self) -> None:
        if self.rediscovers:
            self.client.discovery.invalidate()

    async def delete_leftovers(
        self, release: Release, revisions: Sequence[Release], objects: Sequence[Placed]
    ) -> None:
        """Deletes what earlier revisions that did not come to their end may have left, and that isn't wanted.

        Raises:
            ClusterError: an object could not be deleted.
        """
        for revision in revisions:
            with suppress(ManifestError):
                left = await known(self.client, objects_in(revision.manifest), revision.namespace)
                await delete_dropped(self.client, left, objects, owner_of(release))

    async def fail(self, release: Release, description: str) -> None:
        """Records that a release failed; where even that fails, the first cause counts.

        What follows an empty line is for conditions and events; `helm history` has one line per revision.
        """
        short, _, _ = description.partition("\n\n")
        with suppress(StorageError):
            await self.storage.update(stated(release, ReleaseStatus.FAILED, short))

    async def recorded(
        self, release: Release, work: Callable[[], Awaitable[Release]], described: Callable[[str], str]
    ) -> Release:
        """Does the work on a stored release; an end before its time leaves the record as failed.

        Raises:
            OperationFailed: the work failed; Superseded, Interrupted: it was ended from outside.
        """
        try:
            return await work()
        except Unfinished as error:
            await self.fail(error.release, described(str(error)))
            raise OperationFailed(str(error)) from error
        except (ClusterError, StorageError) as error:
            await self.fail(release, described(str(error)))
            raise OperationFailed(str(error)) from error
        except Superseded:
            await self.fail(release, described("something new arrived while waiting for the release"))
            raise
        except Interrupted:
            await self.fail(release, described("the controller stopped while waiting for the release"))
            raise


class Unfinished(Exception):
    """Work on a release ended early; `release` is the record as far as it came."""

    def __init__(self, release: Release, message: str) -> None:
        super().__init__(message)
        self.release = release


def stated(release: Release, status: ReleaseStatus, description: str) -> Release:
    """The record with a new state."""
    return replace(release, info=replace(release.info, status=status.value, description=description))


def owner_of(release: Release) -> Owner:
    """The marks that the objects of a release carry."""
    return Owner(release.name, release.namespace)


def current_of(history: Sequence[Release]) -> Release:
    """What is in the cluster: the newest deployed revision, or else the newest one."""
    return next((each for each in history if each.status == ReleaseStatus.DEPLOYED), history[0])
