"""A first release, or one after an uninstalled one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from helm_controller.cluster.applying import apply, create_namespace, refuse_foreign
from helm_controller.cluster.hooks import HookFailed
from helm_controller.cluster.objects import ClusterError, Placed
from helm_controller.operations.means import Means, OperationFailed, Options, Unfinished, owner_of, stated
from helm_controller.release.model import Release, ReleaseStatus
from helm_controller.release.storage import StorageError


async def install(means: Means, rendered: Release, options: Options, last: Release | None = None) -> Release:
    """Installs what was rendered; `last` is the newest revision of the name, which is replaced.

    Raises:
        OperationFailed: it failed; it is recorded as failed unless nothing was stored.
    """
    if options.create_namespace:
        try:
            await create_namespace(means.client, rendered.namespace)
        except ClusterError as error:
            raise OperationFailed(str(error)) from error
    objects = await means.objects(rendered)
    if not options.take_ownership:
        await _refuse_foreign(means, objects, rendered)
    release = await _begun(means, replace(rendered, apply_method=options.method), last)

    async def work() -> Release:
        return await _work(means, release, objects, options)

    return await means.recorded(release, work, lambda why: f'Release "{release.name}" failed: {why}')


async def _refuse_foreign(means: Means, objects: list[Placed], release: Release) -> None:
    try:
        await refuse_foreign(means.client, objects, owner_of(release))
    except ClusterError as error:
        raise OperationFailed(f"unable to continue with install: {error}") from error


async def _begun(means: Means, rendered: Release, last: Release | None) -> Release:
    now = means.now()
    info = replace(rendered.info, first_deployed=now, last_deployed=now)
    version = last.version + 1 if last else rendered.version
    release = stated(
        replace(rendered, info=info, version=version),
        ReleaseStatus.PENDING_INSTALL,
        "Initial install underway",
    )
    try:
        await means.storage.create(release)
    except StorageError as error:
        raise OperationFailed(str(error)) from error
    # Not before: of a revision that could not be stored nothing is superseded.
    if last is not None and last.status != ReleaseStatus.FAILED:
        with suppress(StorageError):
            await means.storage.update(stated(last, ReleaseStatus.SUPERSEDED, "superseded by new release"))
    return release


async def _work(means: Means, release: Release, objects: list[Placed], options: Options) -> Release:
    try:
        if options.hooks:
            release = await means.hooks.run(release, "pre-install", options.timeout)
    except HookFailed as error:
        raise Unfinished(error.release, f"failed pre-install: {error}") from error
    try:
        means.say(f"creating {len(objects)} resource(s)")
        applied = await apply(means.way(options), objects, owner_of(release))
        if options.wait:
            means.say(f"waiting for resources in release {release.name} to be ready")
            await means.waiting.until_healthy(applied, options.timeout, jobs=options.wait_for_jobs)
    except ClusterError as error:
        raise Unfinished(release, str(error)) from error
    try:
        if options.hooks:
            release = await means.hooks.run(release, "post-install", options.timeout)
    except HookFailed as error:
        raise Unfinished(error.release, f"failed post-install: {error}") from error
    return await means.storage.update(stated(release, ReleaseStatus.DEPLOYED, "Install complete"))
