"""Waiting for the objects of a release: until they are healthy, have run to their end, or are gone."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from helm_controller.cluster.legacy import LegacyReader
from helm_controller.cluster.objects import ClusterError
from helm_controller.cluster.symptoms import symptoms
from shared.kube.client import KubeClient
from shared.kube.errors import KubeError
from shared.lang.json import JsonObject
from shared.ssa import (
    GroupKind,
    HealthCheckFailed,
    HealthWaiter,
    ObjectId,
    SharedWatches,
    StillThere,
    wait_gone,
)
from shared.status.kstatus import CustomChecks, Result, Status, StatusReader, status_of

T = TypeVar("T")

JOB: Final = GroupKind("batch", "Job")
POD: Final = GroupKind("", "Pod")


class Park(Protocol):
    """Waits without holding a worker; may end the wait with an exception of its own."""

    def __call__(self, waiting: Awaitable[T], /) -> Awaitable[T]:
        """The result of what is waited for."""


class RunReader(StatusReader):
    """Whether a hook has run to its end: as a custom check says; Jobs and Pods have an end, all other kinds
    are done at once.
    """

    __slots__ = ()

    def read(self, obj: JsonObject) -> Result:
        """The verdict."""
        check = self.checks.find(obj)
        if check is not None:
            return check.evaluate(obj)
        kind = ObjectId.of(obj).group_kind
        if kind == JOB:
            return status_of(obj, self.now())
        if kind != POD:
            return Result(Status.CURRENT)
        phase = (obj.get("status") or {}).get("phase")
        if phase == "Succeeded":
            return Result(Status.CURRENT)
        if phase == "Failed":
            return Result(Status.FAILED, "pod failed")
        return Result(Status.IN_PROGRESS, f"pod is {phase or 'pending'}")

    def companions(self, obj: JsonObject, result: Result) -> None:
        """None: a hook that fails says so itself."""
        del obj, result


class ReleaseReader(StatusReader):
    """The health of a release's objects; a paused Deployment is not waited for."""

    __slots__ = ()

    def read(self, obj: JsonObject) -> Result:
        """The verdict."""
        spec = obj.get("spec")
        paused = isinstance(spec, dict) and spec.get("paused") is True
        if paused and ObjectId.of(obj).group_kind == GroupKind("apps", "Deployment"):
            return Result(Status.CURRENT, "the Deployment is paused")
        return StatusReader.read(self, obj)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How one turn waits."""

    watches: SharedWatches
    client: KubeClient
    #: For what may end when something new arrives.
    park: Park
    #: For what may only end when the process does.
    hold: Park
    checks: CustomChecks = field(default_factory=CustomChecks)
    #: By the rules of Helm 3, not by those of kstatus.
    legacy: bool = False
    now: Now | None = None

    async def until_healthy(
        self,
        applied: Mapping[ObjectId, JsonObject],
        timeout: timedelta,
        *,
        jobs: bool = True,
    ) -> None:
        """Until all objects are healthy; Jobs only on demand.

        Raises:
            ClusterError: one failed, or the time is over.
        """
        ids = [each for each in applied if jobs or each.group_kind != JOB]
        wait = HealthWaiter(self.watches).wait(
            self.client, ids, applied, timeout=timeout, reader=self._reader(), fail_fast=not self.legacy
        )
        try:
            await self._ended(self.park, wait)
        except HealthCheckFailed as error:
            raise await self._explained(error, applied) from error

    def _reader(self) -> StatusReader:
        if self.legacy:
            return LegacyReader()
        return ReleaseReader(self.checks, self.now) if self.now else ReleaseReader(self.checks)

    async def until_established(self, applied: Mapping[ObjectId, JsonObject], timeout: timedelta) -> None:
        """Until definitions are served.

        Raises:
            ClusterError: the time is over.
        """
        wait = HealthWaiter(self.watches).wait(self.client, applied, applied, timeout=timeout)
        try:
            await self._ended(self.hold, wait)
        except HealthCheckFailed as error:
            raise ClusterError(str(error)) from error

    async def until_run(self, applied: Mapping[ObjectId, JsonObject], timeout: timedelta) -> None:
        """Until hooks have run to their end.

        Raises:
            ClusterError: one failed, or the time is over.
        """
        reader = RunReader(self.checks, self.now) if self.now else RunReader(self.checks)
        wait = HealthWaiter(self.watches).wait(
            self.client, applied, applied, timeout=timeout, reader=reader, fail_fast=False
        )
        try:
            await self._ended(self.hold, wait)
        except HealthCheckFailed as error:
            raise await self._explained(error, applied) from error

    async def until_gone(self, uids: Mapping[ObjectId, str], timeout: timedelta) -> None:
        """Until none of the objects is there.

        Raises:
            ClusterError: the time is over.
        """
        if not uids:
            return
        try:
            await self._ended(self.hold, wait_gone(self.watches, self.client, uids, timeout=timeout))
        except StillThere as error:
            raise ClusterError(str(error)) from error

    @staticmethod
    async def _ended(park: Park, wait: Awaitable[T]) -> T:
        """The result of a wait; an API server that doesn't let it begin fails like what is waited for."""
        try:
            return await park(wait)
        except KubeError as error:
            raise ClusterError(f"unable to wait: {error}") from error

    async def _explained(
        self, error: HealthCheckFailed, applied: Mapping[ObjectId, JsonObject]
    ) -> ClusterError:
        """The error, and below it what is known of the objects that it is about."""
        more = await symptoms(self.client, error.results, applied)
        return ClusterError(f"{error}\n\n{more}" if more else str(error))


class Now(Protocol):
    """The time."""

    def __call__(self) -> datetime:
        """Now."""
