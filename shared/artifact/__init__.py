"""Artifacts as their consumers see them: fetched by digest, unpacked safely, shared."""

from shared.artifact.extract import ArchiveRefused, Extracted, ExtractLimits, extract
from shared.artifact.fetch import (
    ArtifactCorrupt,
    ArtifactDownloadFailed,
    ArtifactError,
    ArtifactFetcher,
    ArtifactNotFound,
    FetchPolicy,
)

__all__ = [
    "ArchiveRefused",
    "ArtifactCorrupt",
    "ArtifactDownloadFailed",
    "ArtifactError",
    "ArtifactFetcher",
    "ArtifactNotFound",
    "ExtractLimits",
    "Extracted",
    "FetchPolicy",
    "extract",
]
