"""Health expressions of an object, compiled."""

from __future__ import annotations

from collections.abc import Iterable

from shared.api.meta import CustomHealthCheck
from shared.status.kstatus import CheckSpec, CustomChecks


def compile_checks(checks: Iterable[CustomHealthCheck] | None) -> CustomChecks:
    """The checks of a spec.

    Raises:
        InvalidHealthCheck: one of them can't be used.
    """
    return CustomChecks.compile(
        CheckSpec(
            check.api_version, check.kind or "", check.current, check.in_progress or "", check.failed or ""
        )
        for check in checks or ()
    )
