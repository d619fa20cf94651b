"""Runs the tests of a release."""

from __future__ import annotations

from collections.abc import Callable

from helm_controller.cluster.hooks import HookFailed
from helm_controller.operations.means import Means, OperationFailed, Options
from helm_controller.release.model import Hook, Release
from helm_controller.release.storage import StorageError


async def run_tests(
    means: Means, release: Release, options: Options, chosen: Callable[[Hook], bool]
) -> Release:
    """Runs the chosen tests one after the other; the record has their results, also when one fails.

    Raises:
        OperationFailed: a test failed.
    """
    try:
        tested = await means.hooks.run(release, "test", options.timeout, chosen)
        return await means.storage.update(tested)
    except HookFailed as error:
        await _store(means, error.release)
        raise OperationFailed(str(error)) from error
    except StorageError as error:
        raise OperationFailed(str(error)) from error


async def _store(means: Means, release: Release) -> None:
    try:
        await means.storage.update(release)
    except StorageError as error:
        raise OperationFailed(str(error)) from error
