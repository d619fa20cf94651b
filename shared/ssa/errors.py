"""Errors of applying and pruning, in the words that users and tools know.

SsaError
├── DryRunFailed     objects of a stage were refused; nothing of the stage was applied
├── ApplyFailed      an object was refused while applying; those before it are applied
├── StageFailed      objects that others depend on did not come into effect
├── PruneFailed      deletes were refused; tells what is left
├── StillThere       an object did not go away in time
└── HealthCheckFailed  objects did not become healthy
"""

from __future__ import annotations

from shared.kube.errors import ApiError, KubeError, NotFound, UnusableName
from shared.lang.json import JsonObject
from shared.ssa.identity import ObjectId
from shared.ssa.masking import masked


class SsaError(Exception):
    """Root of the errors of this package."""


class ObjectRefused(SsaError):
    """One object was refused; the message names it."""


class DryRunFailed(SsaError):
    """All objects of a stage that were refused, in apply order."""

    def __init__(self, errors: tuple[ObjectRefused, ...]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


class ApplyFailed(SsaError):
    """An object was refused while applying."""


class StageFailed(SsaError):
    """The objects of a stage that others depend on are not in effect."""


class StillThere(SsaError):
    """Objects that should go away did not within the time limit."""

    def __init__(self, ids: tuple[ObjectId, ...]) -> None:
        super().__init__(f"timeout waiting for deletion of: {', '.join(each.display for each in ids)}")
        self.ids = ids


def dry_run_error(identity: ObjectId, error: KubeError, *secrets: JsonObject | None) -> ObjectRefused:
    """What a failed dry-run of an object means to the user."""
    message = masked(str(error), *secrets)
    if isinstance(error, UnusableName):
        return ObjectRefused(f"{identity.display} is invalid: {message}")
    if isinstance(error, NotFound):
        what = "not found" if identity.namespace else "namespace not specified"
        return ObjectRefused(f"{identity.display} {what}: {message}")
    reason = error.reason if isinstance(error, ApiError) and error.reason != "Unknown" else ""
    suffix = f" ({reason})" if reason else ""
    return ObjectRefused(f"{identity.display} dry-run failed{suffix}: {message}")


def apply_error(identity: ObjectId, error: Exception, *secrets: JsonObject | None) -> ObjectRefused:
    """What a failed apply of an object means to the user."""
    return ObjectRefused(f"{identity.display} apply failed: {masked(str(error), *secrets)}")
