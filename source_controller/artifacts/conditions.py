"""Conditions, reasons and event metadata that sources of all kinds have."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.api.meta import Artifact
from shared.api.source_v1 import GROUP

FETCH_FAILED: Final = "FetchFailed"
STORAGE_FAILED: Final = "StorageOperationFailed"
OUTDATED: Final = "ArtifactOutdated"
IN_STORAGE: Final = "ArtifactInStorage"
VERIFIED: Final = "SourceVerified"

BUILDING: Final = "building artifact"


class CommonReason(StrEnum):
    """Reasons of conditions and events."""

    SUCCEEDED = "Succeeded"
    NEW_REVISION = "NewRevision"
    NEW_ARTIFACT = "NewArtifact"
    UP_TO_DATE = "ArtifactUpToDate"
    URL_INVALID = "URLInvalid"
    UNSUPPORTED = "UnsupportedFeature"
    GATE_DISABLED = "FeatureGateDisabled"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    ARCHIVE_FAILED = "ArchiveOperationFailed"
    IGNORE_FAILED = "SourceIgnoreError"
    VERIFICATION_FAILED = "ArtifactVerificationFailed"
    VERIFICATION_ERROR = "VerificationError"
    GARBAGE_COLLECTED = "GarbageCollectionSucceeded"
    SYMLINK_FAILED = "SymlinkUpdateFailed"


def metadata_of(artifact: Artifact) -> dict[str, str]:
    """What tells receivers of events which artifact they are about."""
    return {f"{GROUP}/revision": artifact.revision, f"{GROUP}/digest": artifact.digest}
