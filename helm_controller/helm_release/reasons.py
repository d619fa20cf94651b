"""Conditions and reasons of HelmReleases; all of them are part of the wire."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.status.conditions import READY, RECONCILING, STALLED

RELEASED: Final = "Released"
REMEDIATED: Final = "Remediated"
TEST_SUCCESS: Final = "TestSuccess"
DRIFTED: Final = "Drifted"
OWNED: Final = frozenset({RELEASED, REMEDIATED, TEST_SUCCESS, DRIFTED, READY, RECONCILING, STALLED})


class Reason(StrEnum):
    """One word for programs."""

    INSTALL_SUCCEEDED = "InstallSucceeded"
    INSTALL_FAILED = "InstallFailed"
    UPGRADE_SUCCEEDED = "UpgradeSucceeded"
    UPGRADE_FAILED = "UpgradeFailed"
    TEST_SUCCEEDED = "TestSucceeded"
    TEST_FAILED = "TestFailed"
    AWAITING_TESTS = "AwaitingTests"
    ROLLBACK_SUCCEEDED = "RollbackSucceeded"
    ROLLBACK_FAILED = "RollbackFailed"
    UNINSTALL_SUCCEEDED = "UninstallSucceeded"
    UNINSTALL_FAILED = "UninstallFailed"
    PENDING_RELEASE = "PendingRelease"
    DRIFT_DETECTED = "DriftDetected"
    NO_DRIFT = "NoDriftDetected"
    DRIFT_CORRECTED = "DriftCorrected"
    DRIFT_CORRECTION_FAILED = "DriftCorrectionFailed"
    RETRIES_EXCEEDED = "RetriesExceeded"
    MISSING_ROLLBACK_TARGET = "MissingRollbackTarget"
    DEPENDENCY_NOT_READY = "DependencyNotReady"
    SOURCE_NOT_READY = "SourceNotReady"
    VALUES_ERROR = "ValuesError"
    ARTIFACT_FAILED = "ArtifactFailed"
    CHART_MUTATE_ERROR = "ChartMutateError"
    STATE_ERROR = "StateError"
    RECONCILE_ERROR = "ReconcileError"
    ACCESS_DENIED = "AccessDenied"
    INVALID_EXPRESSION = "InvalidCELExpression"
    CHART_CREATED = "HelmChartCreated"
    CHART_CONFIGURED = "HelmChartConfigured"
    CHART_DELETED = "HelmChartDeleted"
    CHART_SYNC_ERROR = "HelmChartSyncErr"
    RELEASE_TAKEN = "ReleaseTaken"
    INVENTORY_FAILED = "InventoryBuildFailed"
    NAMESPACE_CHECK_SKIPPED = "NamespaceCheckSkipped"
    PROGRESSING = "Progressing"
    RETRYING = "ProgressingWithRetry"
    REST_CLIENT_ERROR = "RESTClientError"
