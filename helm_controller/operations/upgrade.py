"""A new revision in place of an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from helm_controller.cluster.applying import apply, delete_dropped, refuse_foreign
from helm_controller.cluster.hooks import HookFailed
from helm_controller.cluster.objects import ClusterError, Placed
from helm_controller.operations.cleaning import Cleaning
from helm_controller.operations.means import (
    Means,
    OperationFailed,
    Options,
    Unfinished,
    current_of,
    owner_of,
    stated,
)
from helm_controller.release.model import SERVER_SIDE, Release, ReleaseStatus
from helm_controller.release.storage import StorageError


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
    release = stated(
        replace(rendered, info=info, apply_method=options.method, labels=history[0].labels),
        ReleaseStatus.PENDING_UPGRADE,
        "Preparing upgrade",
    )
    try:
        await means.storage.create(release, options.max_history)
    except StorageError as error:
        raise OperationFailed(str(error)) from error
    unfinished = [each for each in history if each.version > current.version]
    change = _Change(means, options, before, objects, current, unfinished)
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
        unfinished: Sequence[Release],
    ) -> None:
        self._means = means
        self._options = options
        self._before = before
        self._objects = objects
        self._current = current
        self._unfinished = unfinished

    async def done(self, release: Release) -> Release:
        """The deployed release."""
        release = await self._hooks(release, "pre-upgrade")
        try:
            cleaning = await Cleaning.prepared(self._means, self._options, self._objects)
        except ClusterError as error:
            raise Unfinished(release, str(error)) from error
        try:
            await self._apply(release)
            release = await self._hooks(release, "post-upgrade")
        except ClusterError as error:
            await cleaning.clean(release)
            raise Unfinished(release, str(error)) from error
        except Unfinished:
            await cleaning.clean(release)
            raise
        await self._supersede()
        return await self._means.storage.update(stated(release, ReleaseStatus.DEPLOYED, "Upgrade complete"))

    async def _apply(self, release: Release) -> None:
        means, options = self._means, self._options
        means.say(f"applying {len(self._objects)} resource(s)")
        way = means.way(options, self._before, migrate=self._current.apply_method != SERVER_SIDE)
        applied = await apply(way, self._objects, owner_of(release))
        await delete_dropped(means.client, self._before, self._objects)
        await means.delete_leftovers(release, self._unfinished, self._objects)
        if options.wait:
            means.say(f"waiting for release {release.name} resources")
            await means.waiting.until_healthy(applied, options.timeout, jobs=options.wait_for_jobs)

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
