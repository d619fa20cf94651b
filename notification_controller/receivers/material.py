"""What the Secret of a Receiver holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

TOKEN = "token"  # noqa: S105 - the name of a key
EMAIL = "email"
AUDIENCE = "audience"


class NoToken(ValueError):
    """A Secret without a usable token; str() names the Secret and the key, and holds no value."""


@dataclass(frozen=True, slots=True)
class Material:
    """The secrets of a Receiver; they never show in a `repr`."""

    token: bytes = field(repr=False)
    email: str = field(default="", repr=False)
    audience: str = field(default="", repr=False)

    @classmethod
    def of(cls, secret: str, data: Mapping[str, bytes]) -> Self:
        """From the data of a Secret that is called `<namespace>/<name>`.

        Raises:
            NoToken: there is no token, or it is empty: a path without one could be guessed by everybody.
        """
        if TOKEN not in data:
            raise NoToken(f"invalid '{secret}' secret data: required fields 'token'")
        if not data[TOKEN]:
            raise NoToken(f"invalid '{secret}' secret data: the key 'token' is empty")
        return cls(data[TOKEN], _text(data.get(EMAIL)), _text(data.get(AUDIENCE)))


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
