"""Times as Helm writes them into its records: RFC 3339 with as many digits as there are."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """`2026-01-02T03:04:05.678Z`; trailing zeros of the fraction are cut."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"
