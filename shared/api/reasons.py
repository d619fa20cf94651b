"""Types of conditions and the reasons that more than one controller gives."""

from enum import StrEnum


class ConditionType(StrEnum):
    """Types that mean the same on every kind."""

    READY = "Ready"
    HEALTHY = "Healthy"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    ACCESS_DENIED = "AccessDenied"


class Reason(StrEnum):
    """Reasons that tools look for; a step with a reason of its own keeps it next to its code."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    PROGRESSING = "Progressing"
    PROGRESSING_WITH_RETRY = "ProgressingWithRetry"
    SUSPENDED = "Suspended"
    DEPENDENCY_NOT_READY = "DependencyNotReady"
    INVALID_PATH = "InvalidPath"
    INVALID_URL = "InvalidURL"
    INVALID_CEL_EXPRESSION = "InvalidCELExpression"
    INSECURE_CONNECTIONS_DISALLOWED = "InsecureConnectionsDisallowed"
    UNSUPPORTED_CONNECTION_TYPE = "UnsupportedConnectionType"
    PRUNE_FAILED = "PruneFailed"
    ARTIFACT_FAILED = "ArtifactFailed"
    BUILD_FAILED = "BuildFailed"
    HEALTH_CHECK_FAILED = "HealthCheckFailed"
    HEALTH_CHECK_CANCELED = "HealthCheckCanceled"
    RECONCILIATION_SUCCEEDED = "ReconciliationSucceeded"
    RECONCILIATION_FAILED = "ReconciliationFailed"
    FEATURE_GATE_DISABLED = "FeatureGateDisabled"
    ACCESS_DENIED = "AccessDenied"
