"""Frees a release that an operation left behind half done."""

from __future__ import annotations

from helm_controller.operations.means import Means, OperationFailed, stated
from helm_controller.release.model import Release, ReleaseStatus
from helm_controller.release.storage import StorageError


async def unlock(means: Means, release: Release) -> Release:
    """Records a pending release as failed.

    Raises:
        OperationFailed: the record can't be written.
    """
    description = f"Release unlocked from stale '{release.status}' state"
    try:
        return await means.storage.update(stated(release, ReleaseStatus.FAILED, description))
    except StorageError as error:
        raise OperationFailed(str(error)) from error
