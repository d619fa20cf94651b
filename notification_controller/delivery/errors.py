"""What goes wrong on the way to a provider.

Both kinds may quote what a service or a Secret says. They never leave this package as they are: texts go
through the mask of the access first.
"""

from __future__ import annotations


class Unusable(Exception):
    """A Provider or one of its Secrets can't be used as it is; names the field or key and the way out."""


class Trouble(Exception):
    """Why a notification was not taken; `quoted` is what the service said about it, at any length."""

    def __init__(self, message: str, *, quoted: str = "", retry: bool = False) -> None:
        super().__init__(message)
        self.quoted = quoted
        self.retry = retry
        """Whether the same notification may be taken later."""
