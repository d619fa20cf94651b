"""A webhook as it came in, and the ways in which it is turned down.

Refused
├── Unauthenticated   the caller did not prove who it is; counts against the budget of the path
└── NotAcceptable     it did, or did not need to, but this is no call that the Receiver answers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Headers and body of a request; header names are compared without regard to case by the mapping."""

    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """The first value of a header, empty when there is none."""
        return self.headers.get(name) or ""

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.header("Content-Type").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the body says that it is JSON."""
        return self.media_type == _JSON


class Refused(Exception):
    """A call that is not answered; str() is for the log and holds no secret.

    `told` goes back to the caller: it may say what to change, but nothing that helps guessing.
    """

    told = "the call was refused"

    def __init__(self, message: str, told: str = "") -> None:
        super().__init__(message)
        self.told = told or type(self).told


class Unauthenticated(Refused):
    """The caller did not prove who it is."""

    told = "authentication failed"


class NotAcceptable(Refused):
    """The payload or the event is not one for this Receiver."""

    told = "the payload or the event is not accepted"
