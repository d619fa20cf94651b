"""A new revision in place of an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from helm_controller.cluster.applying import apply, delete_dropped, refuse_foreign
from helm_controller.cluster.hooks import HookFailed
from helm_controller.cluster.objects import ClusterError, Placed
from helm_controller.cluster.removing import remove
from helm_controller.operations.means import (
    Means,
    OperationFailed,
    Options,
    Unfinished,
    current_of,
    owner_of,
    stated,
)
from helm_controller.release.model import Release, ReleaseStatus
from helm_controller.release.storage import StorageError
from shared.lang.json import JsonObject
from shared.ssa import ObjectId


async def upgrade(means: Means, rendered: Release, options: Options, history: Sequence[Release]) -> Release:
    """Brings what was rendered into the cluster; `history` has all revisions, the newest first.

    Raises:
        OperationFailed: it failed; it is recorded as failed unless nothing was stored.
    """
    current = current_of(history)
    before = await means.known_objects(current)
    objects = await means.objects(rendered)
    if not options.take_ownership:
        known = {each.id for each in before}
        new = [each for each in objects if each.id not in known]
        try:
            await refuse_foreign(means.client, new, owner_of(rendered))
        except ClusterError as error:
            raise OperationFailed(f"unable to continue with update: {error}") from error
    info = replace(rendered.info, first_deployed=current.info.first_deployed, last_deployed=means.now())
    release = stated(replace(rendered, info=info), ReleaseStatus.PENDING_UPGRADE, "Preparing upgrade")
    try:
        await means.storage.create(release, options.max_history)
    except StorageError as error:
        raise OperationFailed(str(error)) from error
    change = _Change(means, options, before, objects, current)
    return await means.recorded(
        release,
        lambda: change.done(release),
        lambda why: f'Upgrade "{release.name}" failed: {why}',
    )


class _Change:
    """The part of an upgrade that touches the cluster."""

    def __init__(
        self,
        means: Means,
        options: Options,
        before: list[Placed],
        objects: list[Placed],
        current: Release,
    ) -> None:
        self._means = means
        self._options = options
        self._before = before
        self._objects = objects
        self._current = current

    async def done(self, release: Release) -> Release:
        """The deployed release."""
        means, options = self._means, self._options
        release = await self._hooks(release, "pre-upgrade")
        started = means.now()
        applied: Mapping[ObjectId, JsonObject] = {}
        try:
            means.say(f"applying {len(self._objects)} resource(s)")
            applied = await apply(
                means.client,
                self._objects,
                owner_of(release),
                strict=options.strict,
                migrate=self._current.apply_method != "ssa",
            )
            await delete_dropped(means.client, self._before, self._objects)
            if options.wait:
                means.say(f"waiting for release {release.name} resources")
                await means.waiting.until_healthy(applied, options.timeout, jobs=options.wait_for_jobs)
        except ClusterError as error:
            await self._clean_up(applied, release, started)
            raise Unfinished(release, str(error)) from error
        release = await self._hooks(release, "post-upgrade")
        await self._supersede()
        return await means.storage.update(stated(release, ReleaseStatus.DEPLOYED, "Upgrade complete"))

    async def _hooks(self, release: Release, event: str) -> Release:
        if not self._options.hooks:
            return release
        try:
            return await self._means.hooks.run(release, event, self._options.timeout)
        except HookFailed as error:
            raise Unfinished(error.release, f"{event} hooks failed: {error}") from error

    async def _supersede(self) -> None:
        if self._current.status == ReleaseStatus.DEPLOYED:
            description = self._current.info.description
            superseded = stated(self._current, ReleaseStatus.SUPERSEDED, description)
            with suppress(StorageError):
                await self._means.storage.update(superseded)

    async def _clean_up(self, applied: Mapping[ObjectId, JsonObject], release: Release, started: str) -> None:
        """Deletes what this upgrade created, where that is wanted."""
        if not self._options.cleanup_on_fail:
            return
        known = {each.id for each in self._before}
        since = f"{started[:19]}Z"
        created = [
            each
            for each in self._objects
            if each.id not in known
            and each.id in applied
            and applied[each.id]["metadata"]["creationTimestamp"] >= since
        ]
        with suppress(ClusterError):
            await remove(self._means.client, created, owner_of(release))
