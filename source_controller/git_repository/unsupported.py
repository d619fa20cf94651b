"""What a GitRepository may ask for and this version can't do; said clearly instead of half done."""

from __future__ import annotations

from shared.api.source_v1 import GitProvider, GitRepository


def unsupported(obj: GitRepository) -> str:
    """The first field that asks for too much, as a message; nothing when all is fine."""
    spec = obj.spec
    asked = {
        "spec.provider": spec.provider not in {None, GitProvider.GENERIC},
    }
    for field, wanted in asked.items():
        if wanted:
            return f"{field} is not supported by this version, remove it"
    return ""
