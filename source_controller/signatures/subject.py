"""What is asked about a signature, and what the answers can be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.lang.digest import Digest
from shared.oci import Access, Registry, Repository


class Verdict(Enum):
    """What a verification came to."""

    VERIFIED = "verified"
    IGNORED = "ignored"
    """Nobody had to sign it, or what is wrong doesn't matter to who asked."""


class VerificationFailed(Exception):
    """Nobody who is trusted signed it, or that can't be told; may be shown to anybody."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What has to be signed."""

    registry: Registry
    repository: Repository
    digest: Digest
    access: Access
    reference: str
    """As people write it."""
