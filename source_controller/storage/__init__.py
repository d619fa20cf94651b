"""Artifacts on disk: where they lie, how they get there, whether they are whole, when they go."""

from source_controller.storage.address import advertised_address
from source_controller.storage.layout import Layout, StorageError
from source_controller.storage.storage import Storage, Verdict

__all__ = ["Layout", "Storage", "StorageError", "Verdict", "advertised_address"]
