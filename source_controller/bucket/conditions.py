"""Conditions and reasons of Buckets, and what may be said in them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from shared.runtime.outcome import Failure
from shared.status.conditions import READY, RECONCILING, STALLED
from source_controller.artifacts import FETCH_FAILED, IN_STORAGE, OUTDATED, STORAGE_FAILED

#: Conditions whose end is worth telling.
FAILURES: Final = (FETCH_FAILED, STORAGE_FAILED)
OWNED: Final = frozenset({*FAILURES, OUTDATED, IN_STORAGE, READY, RECONCILING, STALLED})

_ADDRESS: Final = re.compile(
    r"(\b[a-z][a-z0-9+.-]*://)(?:[^\s/?#'\"]*@)?([^\s?#'\"]*)(?:[?#][^\s'\"]*)?", re.IGNORECASE
)
_LONGEST: Final = 1000


class Reason(StrEnum):
    """Reasons of conditions and events, beside those of all kinds."""

    BUCKET_FAILED = "BucketOperationFailed"
    INVALID_STS = "InvalidSTSConfiguration"


def stored(revision: str) -> str:
    """The message of an artifact in storage, in conditions."""
    return f"stored artifact: revision '{revision}'"


def failed(message: str) -> Failure:
    """The store doesn't give what is wanted; it may do so later."""
    return Failure(Reason.BUCKET_FAILED, shown(message), condition=FETCH_FAILED)


def shown(text: str) -> str:
    """A text of somebody else without what may be a secret in addresses: user info and query."""
    return _ADDRESS.sub(r"\1\2", text)[:_LONGEST]
