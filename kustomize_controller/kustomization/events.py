"""Reasons of Kustomizations, and the metadata that their events carry."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from kustomize_controller.kustomization.sources import Source
from shared.api.kustomize_v1 import GROUP
from shared.status.draft import StatusDraft

REVISION: Final = f"{GROUP}/revision"
ORIGIN_REVISION: Final = f"{GROUP}/originRevision"
COMMIT_STATUS: Final = f"{GROUP}/commit_status"


class Reason(StrEnum):
    """Reasons of Ready."""

    PROGRESSING = "Progressing"
    SUCCEEDED = "ReconciliationSucceeded"
    FAILED = "ReconciliationFailed"
    ARTIFACT_FAILED = "ArtifactFailed"
    BUILD_FAILED = "BuildFailed"
    PRUNE_FAILED = "PruneFailed"
    HEALTH_CHECK_FAILED = "HealthCheckFailed"
    DEPENDENCY_NOT_READY = "DependencyNotReady"
    INVALID_EXPRESSION = "InvalidCELExpression"
    GATE_DISABLED = "FeatureGateDisabled"
    UNSUPPORTED = "UnsupportedFeature"


def metadata_of(source: Source) -> dict[str, str]:
    """What tells receivers of events which revision they are about."""
    metadata = {REVISION: source.revision}
    if source.origin:
        metadata[ORIGIN_REVISION] = source.origin
    return metadata


def metadata_of_last(draft: StatusDraft) -> dict[str, str]:
    """The same about what was applied last, for when there is no source any more."""
    known = {REVISION: draft["lastAppliedRevision"], ORIGIN_REVISION: draft["lastAppliedOriginRevision"]}
    return {key: value for key, value in known.items() if value}
