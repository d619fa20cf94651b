"""Keeps secrets out of what is said about a delivery.

Services quote what they are sent, and errors of the network name addresses; a webhook's address is often
all that protects a channel. So every text that leaves goes through a mask that knows all referenced Secrets.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_plus, unquote

from yarl import URL

from shared.auth import SecretData
from shared.lang.json import dumps

MASK: Final = "*****"

_SHORTEST: Final = 4
#: A part of a path this long isn't the name of an endpoint any more.
_SECRET_SEGMENT: Final = 16
#: Keys whose value is an address: its scheme and host may be told.
_ADDRESSES: Final = ("address", "proxy")


@dataclass(frozen=True, slots=True)
class Mask:
    """Hides what Secrets hold; `secrets` is the data of each."""

    secrets: tuple[SecretData, ...] = field(default=(), repr=False)
    more: tuple[str, ...] = field(default=(), repr=False)
    """What was made of them, for example the values in a list of headers."""

    def of(self, text: str) -> str:
        """The text with nothing in it that has to be hidden."""
        forms = (form for value in self._values() for form in _forms(value))
        hidden = {form for form in forms if len(form) >= _SHORTEST and form in text}
        if not hidden:
            return text
        longest_first = sorted(hidden, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest_first)), MASK, text)

    def _values(self) -> Iterator[str]:
        yield from self.more
        for data in self.secrets:
            for key, value in data.items():
                text = value.decode(errors="replace")
                yield from _parts_of_address(text.strip()) if key in _ADDRESSES else (text,)
            pair = b":".join(data.get(key, b"").strip() for key in ("username", "password"))
            yield base64.b64encode(pair).decode() if len(pair) > _SHORTEST else ""
            yield from _forms_of_token(data.get("token", b"").strip())


def _forms_of_token(token: bytes) -> Iterator[str]:
    """As a password without a user, and as a user with a password: Git hosts take both."""
    if token:
        yield base64.b64encode(b":" + token).decode()
        yield base64.b64encode(token).decode()
        yield token.partition(b":")[2].decode(errors="replace")


def _parts_of_address(text: str) -> Iterable[str]:
    """What is secret of an address: all but scheme and host, or all if it is no URL."""
    try:
        url = URL(text, encoded=True)
        host = url.host
    except ValueError:
        host = None
    if not host:
        # A connection string, or host and path of SSH: the parts alone are secret, too.
        path = text.partition(":")[2]
        return [text, path, path.removesuffix(".git"), *(part.partition("=")[2] for part in text.split(";"))]
    path = url.raw_path.strip("/")
    segments = [part for part in path.split("/") if len(part) >= _SECRET_SEGMENT]
    query = [part.partition("=")[2] for part in url.raw_query_string.split("&")]
    login = [url.raw_user or "", url.raw_password or ""]
    return [
        path,
        path.removesuffix(".git"),
        *segments,
        url.raw_query_string,
        *query,
        url.raw_fragment,
        *login,
    ]


def _forms(value: str) -> Iterator[str]:
    """A value as it may be quoted: trimmed, in JSON, in an address, in a message; and its lines."""
    bare = value.strip()
    yield from (value, bare, dumps(bare).decode()[1:-1], json.dumps(bare)[1:-1], repr(bare)[1:-1])
    yield from (quote(bare, safe=""), quote(bare), quote_plus(bare), unquote(bare))
    yield from map(str.strip, value.splitlines())
