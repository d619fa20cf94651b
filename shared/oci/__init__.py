"""Registries of OCI images and artifacts, read-only."""

from shared.oci.client import Access, Registries, Registry
from shared.oci.errors import (
    ContentRefused,
    InvalidRepository,
    LoginRefused,
    NotFound,
    NoVersion,
    OciError,
    RegistryError,
    Unreachable,
)
from shared.oci.manifest import Descriptor, Manifest
from shared.oci.repository import Repository

__all__ = [
    "Access",
    "ContentRefused",
    "Descriptor",
    "InvalidRepository",
    "LoginRefused",
    "Manifest",
    "NoVersion",
    "NotFound",
    "OciError",
    "Registries",
    "Registry",
    "RegistryError",
    "Repository",
    "Unreachable",
]
