"""Job: running is not ready; only the end of the Job, or its suspension, is."""

from __future__ import annotations

from datetime import datetime

from shared.lang.json import JsonObject
from shared.status.kstatus.fields import condition, is_true, text, value
from shared.status.kstatus.result import Result, current, failed, in_progress


def status(obj: JsonObject, _now: datetime) -> Result:
    """By conditions, in the order in which they overrule one another."""
    if value(obj, "spec", "suspend") is True:
        return current("the Job is suspended")
    if is_true(obj, "Complete"):
        return current("the Job completed")
    failure = condition(obj, "Failed")
    if failure is not None and failure.is_true:
        return failed(f"the Job failed: {failure.message or failure.reason}")
    if not text(obj, "status", "startTime"):
        return in_progress("the Job has not started")
    return in_progress("the Job is running")
