"""A release out of the cluster, with or without its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from helm_controller.cluster.hooks import HookFailed
from helm_controller.cluster.objects import ClusterError
from helm_controller.cluster.removing import remove
from helm_controller.operations.means import Means, OperationFailed, Options, owner_of, stated
from helm_controller.release.model import Release, ReleaseStatus
from helm_controller.release.storage import StorageError


class NoRelease(OperationFailed):
    """There is no record of the release."""


class AlreadyUninstalled(OperationFailed):
    """Only the record of an uninstalled release is there, and it is to be kept."""


async def uninstall(means: Means, options: Options) -> Release:
    """Uninstalls the newest revision; gives its last record.

    Raises:
        OperationFailed: it failed, or did so in part.
    """
    try:
        history = await means.storage.history()
        if not history:
            raise NoRelease("uninstall: Release not loaded: release: not found")
        return await _uninstalled(means, history, options)
    except StorageError as error:
        raise OperationFailed(str(error)) from error


async def _uninstalled(means: Means, history: Sequence[Release], options: Options) -> Release:
    last = history[0]
    if last.status == ReleaseStatus.UNINSTALLED:
        if options.keep_history:
            raise AlreadyUninstalled(f'the release named "{last.name}" is already deleted')
        await _purge(means, history)
        return last
    objects = await means.known_objects(last)
    release = stated(
        replace(last, info=replace(last.info, deleted=means.now())),
        ReleaseStatus.UNINSTALLING,
        "Deletion in progress (or silently failed)",
    )
    release = await _hooks(means, release, "pre-delete", options)
    release = await means.storage.update(release)
    problems: list[str] = []
    try:
        removed = await remove(means.client, objects, owner_of(release), propagation=options.propagation)
    except ClusterError as error:
        raise OperationFailed(str(error)) from error
    if removed.problems:
        raise OperationFailed(f"failed to delete release: {release.name}: {'; '.join(removed.problems)}")
    try:
        if options.wait:
            await means.waiting.until_gone(removed.uids, options.timeout)
    except ClusterError as error:
        problems.append(str(error))
    try:
        release = await _hooks(means, release, "post-delete", options)
    except OperationFailed as error:
        problems.append(str(error))
    release = stated(release, ReleaseStatus.UNINSTALLED, "Uninstallation complete")
    if options.keep_history:
        await means.storage.update(release)
        for deployed in (each for each in history[1:] if each.status == ReleaseStatus.DEPLOYED):
            await means.storage.update(stated(deployed, ReleaseStatus.SUPERSEDED, deployed.info.description))
    else:
        await _purge(means, history)
        means.storage.observe(release)
    if problems:
        raise OperationFailed(
            f"uninstallation completed with {len(problems)} error(s): {'; '.join(problems)}"
        )
    return release


async def _hooks(means: Means, release: Release, event: str, options: Options) -> Release:
    if not options.hooks:
        return release
    try:
        return await means.hooks.run(release, event, options.timeout)
    except HookFailed as error:
        raise OperationFailed(str(error)) from error


async def _purge(means: Means, history: Sequence[Release]) -> None:
    # The newest one goes last: wherever this ends, it still says what became of the release.
    for release in reversed(history):
        await means.storage.delete(release.version)
