"""Conditions, reasons and event metadata of GitRepositories."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import GROUP
from shared.status.conditions import READY, RECONCILING, STALLED

FETCH_FAILED: Final = "FetchFailed"
INCLUDE_UNAVAILABLE: Final = "IncludeUnavailable"
STORAGE_FAILED: Final = "StorageOperationFailed"
OUTDATED: Final = "ArtifactOutdated"
IN_STORAGE: Final = "ArtifactInStorage"
VERIFIED: Final = "SourceVerified"

#: Conditions whose end is worth telling.
FAILURES: Final = (FETCH_FAILED, INCLUDE_UNAVAILABLE, STORAGE_FAILED)
OWNED: Final = frozenset({*FAILURES, OUTDATED, IN_STORAGE, VERIFIED, READY, RECONCILING, STALLED})


class Reason(StrEnum):
    """Reasons of conditions and events."""

    SUCCEEDED = "Succeeded"
    URL_INVALID = "URLInvalid"
    INVALID_PROVIDER = "InvalidProviderConfiguration"
    UNSUPPORTED = "UnsupportedFeature"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    GIT_FAILED = "GitOperationFailed"
    GIT_SUCCEEDED = "GitOperationSucceeded"
    EMPTY = "EmptyGitRepository"
    NEW_REVISION = "NewRevision"
    NEW_ARTIFACT = "NewArtifact"
    UP_TO_DATE = "ArtifactUpToDate"
    INCLUDE_CHANGE = "IncludeChange"
    INCLUDE_CYCLE = "IncludeCycle"
    NOT_FOUND = "NotFound"
    NO_ARTIFACT = "NoArtifact"
    COPY_FAILURE = "CopyFailure"
    ILLEGAL_PATH = "IllegalPath"
    ARCHIVE_FAILED = "ArchiveOperationFailed"
    VERIFICATION_FAILED = "ArtifactVerificationFailed"
    GARBAGE_COLLECTED = "GarbageCollectionSucceeded"
    GARBAGE_FAILED = "GarbageCollectionFailed"


def metadata_of(artifact: Artifact) -> dict[str, str]:
    """What tells receivers of events which artifact they are about."""
    return {f"{GROUP}/revision": artifact.revision, f"{GROUP}/digest": artifact.digest}


def stored(revision: str) -> str:
    """The message of an artifact in storage, in conditions."""
    return f"stored artifact for revision '{revision}'"
