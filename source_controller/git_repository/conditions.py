"""Conditions and reasons of GitRepositories."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.status.conditions import READY, RECONCILING, STALLED
from source_controller.artifacts import FETCH_FAILED, IN_STORAGE, OUTDATED, STORAGE_FAILED, VERIFIED

INCLUDE_UNAVAILABLE: Final = "IncludeUnavailable"

#: Conditions whose end is worth telling.
FAILURES: Final = (FETCH_FAILED, INCLUDE_UNAVAILABLE, STORAGE_FAILED)
OWNED: Final = frozenset({*FAILURES, OUTDATED, IN_STORAGE, VERIFIED, READY, RECONCILING, STALLED})


class Reason(StrEnum):
    """Reasons of conditions and events, beside those of all kinds."""

    INVALID_PROVIDER = "InvalidProviderConfiguration"
    GIT_FAILED = "GitOperationFailed"
    GIT_SUCCEEDED = "GitOperationSucceeded"
    INVALID_VERIFICATION_MODE = "InvalidVerificationMode"
    INVALID_GIT_OBJECT = "InvalidGitObject"
    INVALID_TAG_SIGNATURE = "InvalidTagSignature"
    INVALID_COMMIT_SIGNATURE = "InvalidCommitSignature"
    EMPTY = "EmptyGitRepository"
    INCLUDE_CHANGE = "IncludeChange"
    INCLUDE_CYCLE = "IncludeCycle"
    NOT_FOUND = "NotFound"
    NO_ARTIFACT = "NoArtifact"
    COPY_FAILURE = "CopyFailure"
    ILLEGAL_PATH = "IllegalPath"


def stored(revision: str) -> str:
    """The message of an artifact in storage, in conditions."""
    return f"stored artifact for revision '{revision}'"
