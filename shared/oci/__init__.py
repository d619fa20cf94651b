"""Registries of OCI images and artifacts, read-only."""

from shared.oci.client import Registries, Registry
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
from shared.oci.repository import DOCKER_HUB, Repository
from shared.oci.transport import Access

__all__ = [
    "DOCKER_HUB",
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
