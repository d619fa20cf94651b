"""What a registry says about logging in: the `WWW-Authenticate` headers of a 401."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

_SCHEME: Final = re.compile(r"\s*([A-Za-z]+)(?:\s+|$)")
_PARAMETER: Final = re.compile(r'\s*([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*,?')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in."""

    scheme: str
    """`basic` or `bearer`."""
    realm: str = ""
    service: str = ""

    @classmethod
    def of(cls, headers: Iterable[str]) -> Self | None:
        """The best way that we know; None if there is none."""
        found = [challenge for header in headers if (challenge := cls._read(header)) is not None]
        return min(found, key=lambda challenge: challenge.scheme != "bearer", default=None)

    @classmethod
    def _read(cls, header: str) -> Self | None:
        start = _SCHEME.match(header)
        if start is None or start[1].lower() not in {"basic", "bearer"}:
            return None
        known = {
            name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(header[start.end() :])
        }
        return cls(start[1].lower(), known.get("realm", ""), known.get("service", ""))
