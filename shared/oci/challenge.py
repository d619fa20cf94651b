"""What a registry says about logging in: the `WWW-Authenticate` headers of a 401."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART: Final = re.compile(
    rf'(?P<name>{_WORD})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))|(?P<scheme>{_WORD})'
)
_BASIC: Final = "basic"
_BEARER: Final = "bearer"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in."""

    scheme: str
    """`basic` or `bearer`."""
    realm: str = ""
    service: str = ""

    @classmethod
    def of(cls, headers: Iterable[str]) -> Self | None:
        """The best way that we know: a token where it is said who gives it; None if there is none."""
        found = [
            cls(scheme, parameters.get("realm", ""), parameters.get("service", ""))
            for header in headers
            for scheme, parameters in _challenges(header)
            if scheme in {_BASIC, _BEARER}
        ]
        return min(found, key=_rank, default=None)

    @property
    def is_basic(self) -> bool:
        """Whether a user and a password are wanted, without a token."""
        return self.scheme == _BASIC


def _rank(challenge: Challenge) -> int:
    return 1 if challenge.is_basic else 0 if challenge.realm else 2


def _challenges(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The schemes of a header, which may have several, and the parameters of each."""
    found: list[tuple[str, dict[str, str]]] = []
    for part in _PART.finditer(header):
        if part["scheme"]:
            found.append((part["scheme"].lower(), {}))
        elif found:
            quoted = re.sub(r"\\(.)", r"\1", part["quoted"] or "")
            found[-1][1].setdefault(part["name"].lower(), quoted or part["plain"] or "")
    yield from found
