"""The five newest results in `status.history`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from shared.lang.duration import format_duration
from shared.lang.json import JsonObject
from shared.lang.timestamp import format_timestamp

_LENGTH: Final = 5


def record(
    history: list[JsonObject] | None,
    *,
    digest: str,
    status: str,
    metadata: dict[str, str],
    now: datetime,
    duration: timedelta,
) -> list[JsonObject]:
    """A new history in which the result is first; the same digest with the same status is counted, not
    repeated.
    """
    entries = list(history or ())
    known = next(
        (e for e in entries if (e.get("digest"), e.get("lastReconciledStatus")) == (digest, status)), None
    )
    stamp = format_timestamp(now)
    newest: JsonObject = {
        "digest": digest,
        "firstReconciled": known["firstReconciled"] if known else stamp,
        "lastReconciled": stamp,
        "lastReconciledDuration": format_duration(duration),
        "lastReconciledStatus": status,
        "totalReconciliations": int(known["totalReconciliations"]) + 1 if known else 1,
        "metadata": metadata,
    }
    return [newest, *(entry for entry in entries if entry is not known)][:_LENGTH]
