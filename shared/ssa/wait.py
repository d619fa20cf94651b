"""Waiting for health by events.

What an apply returned is evaluated first: when all of it is Current, nothing is asked of the server at all.
Only for the others feeds are opened. A wait can be cancelled at any point and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.kube.client import KubeClient
from shared.lang.json import JsonObject
from shared.ssa.errors import SsaError
from shared.ssa.identity import GroupKind, ObjectId
from shared.ssa.vigil import Vigil
from shared.ssa.watches import SharedWatches
from shared.status.kstatus import Result, Status, StatusReader

_JOB: Final = GroupKind("batch", "Job")

Board = dict[ObjectId, Result | None]


class HealthCheckFailed(SsaError):
    """Objects did not become healthy; `results` has the last that was known of each (None: nothing)."""

    def __init__(self, message: str, results: Mapping[ObjectId, Result | None]) -> None:
        super().__init__(message)
        self.results = dict(results)


@dataclass(frozen=True, slots=True)
class HealthWaiter:
    """Waits for objects to become Current, sharing watches with all other waits of the process."""

    watches: SharedWatches

    async def wait(
        self,
        client: KubeClient,
        ids: Iterable[ObjectId],
        applied: Mapping[ObjectId, JsonObject],
        *,
        timeout: timedelta,
        reader: StatusReader | None = None,
        fail_fast: bool = True,
    ) -> dict[ObjectId, JsonObject]:
        """Returns when all objects are Current; gives those that had to be waited for, as they were then.

        `applied` holds the objects as an apply returned them, for those that were applied.

        Raises:
            HealthCheckFailed: objects failed for good, or the time is over.
        """
        round_ = _Round(reader or StatusReader(), applied)
        board: Board = {identity: round_.first(identity) for identity in ids}
        if _settled(board, fail_fast=fail_fast):
            return {}
        pending = [identity for identity, result in board.items() if not _is_current(result)]
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                with Vigil(self.watches, client) as vigil:
                    await _begin(vigil, pending, board)
                    while not _settled(board, fail_fast=fail_fast):
                        changed = await vigil.changed(at_most=_recheck(board))
                        for identity in changed or pending:
                            board[identity] = round_.look(vigil, identity)
                    return {each: obj for each in pending if (obj := round_.newest(vigil, each))}
        except TimeoutError:
            raise HealthCheckFailed(_timeout_text(board), board) from None


async def _begin(vigil: Vigil, pending: list[ObjectId], board: Board) -> None:
    try:
        await vigil.over(pending)
    except ValueError as error:
        raise HealthCheckFailed(str(error), board) from error


@dataclass(frozen=True, slots=True)
class _Round:
    """The evaluation of one wait's objects."""

    reader: StatusReader
    applied: Mapping[ObjectId, JsonObject]

    def first(self, identity: ObjectId) -> Result | None:
        """What the applied object tells."""
        obj = self.applied.get(identity)
        return None if obj is None else self.reader.read(obj)

    def newest(self, vigil: Vigil, identity: ObjectId) -> JsonObject | None:
        """The object as it is now, as far as known."""
        return vigil.newest(identity, self.applied.get(identity))

    def look(self, vigil: Vigil, identity: ObjectId) -> Result | None:
        """What is known of the object now."""
        feed = vigil.feed_of(identity)
        if feed.problem:
            return Result(Status.UNKNOWN, feed.problem)
        obj = self.newest(vigil, identity)
        if obj is None:
            return self._absent(identity) if vigil.lacks(identity) else None
        result = self.reader.read(obj)
        chosen = self.reader.companions(obj, result)
        if chosen is None:
            return result
        return self.reader.corrected(obj, result, vigil.companions_of(identity, chosen))

    def _absent(self, identity: ObjectId) -> Result:
        spec = self.applied.get(identity, {}).get("spec") or {}
        if identity.group_kind == _JOB and spec.get("ttlSecondsAfterFinished") is not None:
            return Result(Status.CURRENT, "the Job finished and was cleaned up")
        return Result(Status.NOT_FOUND, "it does not exist")


def _settled(board: Board, *, fail_fast: bool) -> bool:
    """Whether all is well; raises when it can't become well."""
    results = board.values()
    failed = any(result is not None and result.status is Status.FAILED for result in results)
    over = all(result is not None and result.status in (Status.FAILED, Status.CURRENT) for result in results)
    if failed and (fail_fast or over):
        raise HealthCheckFailed(_failed_text(board), board)
    return over


def _is_current(result: Result | None) -> bool:
    return result is not None and result.status is Status.CURRENT


def _recheck(board: Board) -> float | None:
    times = [result.recheck.total_seconds() for result in board.values() if result and result.recheck]
    return min(times, default=None)


def _failed_text(board: Board) -> str:
    lines = (
        f"{identity.display} status: '{result.status}'"
        for identity, result in board.items()
        if result is not None and result.status is Status.FAILED
    )
    return f"failed early due to stalled resources: [{', '.join(sorted(lines))}]"


def _timeout_text(board: Board) -> str:
    lines = (_line(identity, result) for identity, result in board.items() if not _is_current(result))
    return f"timeout waiting for: [{', '.join(sorted(lines))}]"


def _line(identity: ObjectId, result: Result | None) -> str:
    if result is None:
        return f"can't determine status for {identity.display}"
    cause = f": {result.message}" if result.status is Status.UNKNOWN else ""
    return f"{identity.display} status: '{result.status}'{cause}"
