"""The one error of signatures."""

from __future__ import annotations


class SignatureRefused(Exception):
    """There is no signature, it doesn't fit, or nobody trusted made it."""
