"""The verdict on one object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Status(StrEnum):
    """Where an object stands; the values are part of messages that users and tools read."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """A status and why; `recheck` says when time alone may change it, without any event."""

    status: Status
    message: str = ""
    recheck: timedelta | None = None


def current(message: str = "") -> Result:
    """Nothing is left to wait for."""
    return Result(Status.CURRENT, message)


def in_progress(message: str) -> Result:
    """Something is under way."""
    return Result(Status.IN_PROGRESS, message)


def failed(message: str) -> Result:
    """It will not get there by itself."""
    return Result(Status.FAILED, message)


def unknown(message: str) -> Result:
    """There is no way to tell."""
    return Result(Status.UNKNOWN, message)
