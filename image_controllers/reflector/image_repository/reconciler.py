"""The story of an ImageRepository: name -> login -> is a scan due -> tags."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from enum import StrEnum
from typing import Final

from image_controllers.naming import InvalidImage, canonical
from image_controllers.news import SUCCEEDED, Before
from image_controllers.reflector.access import Accesses, NoLogin, NotConfigured, Reach
from image_controllers.reflector.image_repository.scanning import (
    NO_TAGS,
    InvalidExclusion,
    Scan,
    Scanner,
    exclusions,
)
from image_controllers.reflector.tags import Tags, TagsError
from shared.api.image_v1 import ImageRepository
from shared.auth.cloud import GATE_CLOSED
from shared.lang.duration import format_duration
from shared.observe import metrics
from shared.oci import OciError, Repository
from shared.runtime.outcome import Done, Failure, Gone, Outcome, Stalled
from shared.runtime.turn import Turn
from shared.status.conditions import READY, RECONCILING, STALLED

OWNED: Final = frozenset({READY, RECONCILING, STALLED})

_SHORTEST: Final = timedelta(seconds=1)


class Reason(StrEnum):
    """Reasons of conditions and events."""

    URL_INVALID = "ImageURLInvalid"
    GATE_DISABLED = "FeatureGateDisabled"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    READ_FAILED = "ReadOperationFailed"


class ImageRepositoryReconciler:
    """Keeps the tags of repositories."""

    kind = ImageRepository
    owned = OWNED

    def __init__(self, accesses: Accesses, scanner: Scanner, tags: Tags) -> None:
        self._accesses = accesses
        self._scanner = scanner
        self._tags = tags

    async def reconcile(self, obj: ImageRepository, turn: Turn[ImageRepository]) -> Outcome:
        """One pass; see the module."""
        before = Before.of(turn)
        if self._accesses.gate_closed(obj):
            return Stalled(Reason.GATE_DISABLED, GATE_CLOSED)
        turn.progress("reconciliation in progress")
        try:
            repository = canonical(obj.spec.image)
        except InvalidImage as error:
            return Stalled(Reason.URL_INVALID, str(error))
        why, following = self._scanner.why(obj, str(repository), turn)
        try:
            async with asyncio.timeout(_limit(obj).total_seconds()):
                reach = await self._reach(obj)
                scan = await self._scan(obj, repository, reach, why, turn) if why else None
        except TimeoutError:
            raise _failed(f"no answer within {format_duration(_limit(obj))}") from None
        except InvalidExclusion as error:
            return Stalled(Reason.READ_FAILED, f"scan failed: {error}")
        if scan is not None:
            turn.draft["lastScanResult"] = scan.result
        turn.draft["canonicalImageName"] = str(repository)
        turn.draft["observedExclusionList"] = list(exclusions(obj))
        message = _found(turn)
        before.tell(turn, message, _nothing_new(obj, scan, following))
        return Done(following, SUCCEEDED, message)

    async def finalize(self, obj: ImageRepository, turn: Turn[ImageRepository]) -> Outcome:
        """Forgets the tags of a deleted ImageRepository."""
        del obj
        try:
            await self._tags.remove(turn.key)
        except TagsError as error:
            raise Failure("Failure", f"failed to remove tags: {error}") from error
        return Gone()

    async def _reach(self, obj: ImageRepository) -> Reach:
        try:
            return await self._accesses.reach(obj)
        except NotConfigured as error:
            text = f"failed to configure authentication options: {error}"
            raise Failure(Reason.AUTHENTICATION_FAILED, text) from error

    async def _scan(
        self,
        obj: ImageRepository,
        repository: Repository,
        reach: Reach,
        why: str,
        turn: Turn[ImageRepository],
    ) -> Scan:
        # After a loss of the tags the policies have to see that there was a time without them.
        text = f"scanning: {why}"
        turn.progress(text, ready=text if why == NO_TAGS else "")
        started = turn.clock.monotonic()
        try:
            registry = await self._accesses.registry(obj, repository, reach)
            scan = await self._scanner.scan(obj, registry, turn.clock.now)
        except OciError as error:
            raise _failed(str(error), error.retry_after) from error
        except (NoLogin, TagsError) as error:
            raise _failed(str(error)) from error
        metrics.image_scan_seconds.observe(turn.clock.monotonic() - started)
        metrics.image_tags.labels(turn.key.namespace, turn.key.name).set(scan.count)
        return scan


def _limit(obj: ImageRepository) -> timedelta:
    return max(obj.spec.timeout or obj.spec.interval, _SHORTEST)


def _failed(text: str, wait: timedelta | None = None) -> Failure:
    return Failure(Reason.READ_FAILED, f"scan failed: {text}", retry_after=wait)


def _found(turn: Turn[ImageRepository]) -> str:
    last = turn.draft["lastScanResult"] or {}
    return f"successful scan: found {last.get('tagCount', 0)} tags with checksum {last.get('revision') or ''}"


def _nothing_new(obj: ImageRepository, scan: Scan | None, following: timedelta) -> str:
    after = f"next scan in {format_duration(following)}"
    if scan is None:
        return f"no change in repository configuration since last scan, {after}"
    known = obj.status.last_scan_result
    if known is not None and known.revision == scan.revision:
        return f"tags did not change, {after}"
    return f"successful scan, {after}"
