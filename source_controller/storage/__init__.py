"""Storage of artifacts: layout, writing, integrity, garbage collection."""

from source_controller.storage.errors import (
    ArchiveFailed,
    DirectoryCreationFailed,
    LockFailed,
    RemovalFailed,
    StorageError,
)
from source_controller.storage.garbage import Retention
from source_controller.storage.integrity import Verdict
from source_controller.storage.layout import Layout, Place, advertised_address, open_root
from source_controller.storage.orphans import Orphans
from source_controller.storage.publish import Writer
from source_controller.storage.storage import Storage, StorageSettings

__all__ = [
    "ArchiveFailed",
    "DirectoryCreationFailed",
    "Layout",
    "LockFailed",
    "Orphans",
    "Place",
    "RemovalFailed",
    "Retention",
    "Storage",
    "StorageError",
    "StorageSettings",
    "Verdict",
    "Writer",
    "advertised_address",
    "open_root",
]
