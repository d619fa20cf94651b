"""Conditions and reasons of OCIRepositories."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.status.conditions import READY, RECONCILING, STALLED
from source_controller.artifacts import FETCH_FAILED, IN_STORAGE, OUTDATED, STORAGE_FAILED, VERIFIED

#: Conditions whose end is worth telling.
FAILURES: Final = (FETCH_FAILED, STORAGE_FAILED)
OWNED: Final = frozenset({*FAILURES, OUTDATED, IN_STORAGE, VERIFIED, READY, RECONCILING, STALLED})


class Reason(StrEnum):
    """Reasons of conditions and events, beside those of all kinds."""

    PULL_FAILED = "OCIArtifactPullFailed"
    LAYER_FAILED = "OCIArtifactLayerOperationFailed"
    READ_FAILED = "ReadOperationFailed"
    INVALID_SEMVER = "InvalidSemVer"


def stored(revision: str) -> str:
    """The message of an artifact in storage, in conditions."""
    return f"stored artifact for digest '{revision}'"
