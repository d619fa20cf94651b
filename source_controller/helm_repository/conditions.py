"""Conditions and reasons of HelmRepositories."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.status.conditions import READY, RECONCILING, STALLED
from source_controller.artifacts import FETCH_FAILED, IN_STORAGE, OUTDATED, STORAGE_FAILED

#: Conditions whose end is worth telling.
FAILURES: Final = (FETCH_FAILED, STORAGE_FAILED)
OWNED: Final = frozenset({*FAILURES, OUTDATED, IN_STORAGE, READY, RECONCILING, STALLED})


class Reason(StrEnum):
    """Reasons of conditions and events, beside those of all kinds."""

    FAILED = "Failed"
    INDEXATION_FAILED = "IndexationFailed"


def stored(revision: str) -> str:
    """The message of an index in storage, in conditions."""
    return f"stored artifact: revision '{revision}'"


def human_size(size: int) -> str:
    """A number of bytes for people, with four digits that matter."""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.4g}{unit}"
        amount /= 1000
    return f"{amount:.4g}GB"
