"""What all kinds of sources do with their artifacts: keep an eye on them, tell of them, remove them."""

from source_controller.artifacts.conditions import (
    FETCH_FAILED,
    IN_STORAGE,
    OUTDATED,
    STORAGE_FAILED,
    VERIFIED,
    CommonReason,
    metadata_of,
)
from source_controller.artifacts.header import SourceHeader
from source_controller.artifacts.news import Before, building, in_storage, outdated, stalled, tell, unchanged
from source_controller.artifacts.shelf import Shelf, artifact_in, place_of, storing, wire

__all__ = [
    "FETCH_FAILED",
    "IN_STORAGE",
    "OUTDATED",
    "STORAGE_FAILED",
    "VERIFIED",
    "Before",
    "CommonReason",
    "Shelf",
    "SourceHeader",
    "artifact_in",
    "building",
    "in_storage",
    "metadata_of",
    "outdated",
    "place_of",
    "stalled",
    "storing",
    "tell",
    "unchanged",
    "wire",
]
