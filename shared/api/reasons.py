"""Types of conditions that mean the same on every kind."""

from enum import StrEnum


class ConditionType(StrEnum):
    """Types that mean the same on every kind."""

    READY = "Ready"
    HEALTHY = "Healthy"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    ACCESS_DENIED = "AccessDenied"
