"""An earlier revision again, as a new one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from helm_controller.cluster.applying import apply, delete_dropped
from helm_controller.cluster.hooks import HookFailed
from helm_controller.cluster.objects import ClusterError, Placed
from helm_controller.operations.cleaning import Cleaning
from helm_controller.operations.means import Means, OperationFailed, Options, owner_of, stated
from helm_controller.release.model import SERVER_SIDE, Release, ReleaseStatus
from helm_controller.release.storage import StorageError
from shared.runtime.outcome import Interrupted, Superseded


async def rollback(means: Means, target: Release, history: Sequence[Release], options: Options) -> Release:
    """Makes the content of `target` the newest revision; `history` has all revisions, the newest first.

    Raises:
        OperationFailed: it failed. A failed hook leaves the record pending, as Helm does.
    """
    last = history[0]
    before = await means.known_objects(last)
    objects = await means.objects(target)
    info = replace(
        target.info,
        first_deployed=last.info.first_deployed,
        last_deployed=means.now(),
        deleted="",
        rollback_revision=target.version,
    )
    release = stated(
        replace(target, version=last.version + 1, info=info, apply_method=options.method),
        ReleaseStatus.PENDING_ROLLBACK,
        f"Rollback to {target.version}",
    )
    try:
        await means.storage.create(release, options.max_history)
        release = await _hooks(means, release, "pre-rollback", options)
        await _change(means, release, history, before, objects, options)
        release = await _hooks(means, release, "post-rollback", options)
        for deployed in (each for each in history if each.status == ReleaseStatus.DEPLOYED):
            await means.storage.update(stated(deployed, ReleaseStatus.SUPERSEDED, deployed.info.description))
        return await means.storage.update(stated(release, ReleaseStatus.DEPLOYED, release.info.description))
    except StorageError as error:
        raise OperationFailed(str(error)) from error


async def _hooks(means: Means, release: Release, event: str, options: Options) -> Release:
    if not options.hooks:
        return release
    try:
        return await means.hooks.run(release, event, options.timeout)
    except HookFailed as error:
        raise OperationFailed(str(error)) from error


async def _change(
    means: Means,
    release: Release,
    history: Sequence[Release],
    before: list[Placed],
    objects: list[Placed],
    options: Options,
) -> None:
    last = history[0]
    cleaning = Cleaning(means, ())
    try:
        cleaning = await Cleaning.prepared(means, options, objects)
        way = means.way(options, before, migrate=last.apply_method != SERVER_SIDE)
        applied = await apply(way, objects, owner_of(release))
        await delete_dropped(means.client, before, objects)
        await means.delete_leftovers(release, _unfinished(history), objects)
    except ClusterError as error:
        if last.status != ReleaseStatus.SUPERSEDED:
            with suppress(StorageError):
                await means.storage.update(stated(last, ReleaseStatus.SUPERSEDED, last.info.description))
        await means.fail(release, f'Rollback "{release.name}" failed: {error}')
        await cleaning.clean(release)
        raise OperationFailed(str(error)) from error
    if not options.wait:
        return
    try:
        await means.waiting.until_healthy(applied, options.timeout, jobs=options.wait_for_jobs)
    except ClusterError as error:
        await means.fail(release, f'Release "{release.name}" failed: {error}')
        raise OperationFailed(f"release {release.name} failed: {error}") from error
    except (Superseded, Interrupted):
        await means.fail(release, f'Release "{release.name}" failed: the wait was ended')
        raise


def _unfinished(history: Sequence[Release]) -> list[Release]:
    """Revisions before the newest one that came after the deployed one, and that one."""
    found: list[Release] = []
    for release in history[1:]:
        found.append(release)
        if release.status == ReleaseStatus.DEPLOYED:
            break
    return found
