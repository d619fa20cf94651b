"""What can go wrong in the storage, with the reasons that conditions carry."""

from __future__ import annotations


class StorageError(Exception):
    """Something couldn't be stored; the message may be shown to anybody."""

    reason = "Failed"


class DirectoryCreationFailed(StorageError):
    """There is no directory to write into."""

    reason = "DirectoryCreationFailed"


class LockFailed(StorageError):
    """The lock of an artifact can't be had."""


class ArchiveFailed(StorageError):
    """The file couldn't be written."""

    reason = "ArchiveOperationFailed"


class RemovalFailed(StorageError):
    """The files of an object couldn't be removed."""

    reason = "GarbageCollectionFailed"
