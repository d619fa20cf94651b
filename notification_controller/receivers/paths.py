"""The path of a Receiver: whoever knows it knows the token.

`flux` computes the same path, so neither the parts nor their order may change.
"""

from __future__ import annotations

import hashlib
from typing import Final

PREFIX: Final = "/hook/"
_SHOWN: Final = 8


def webhook_path(token: bytes, name: str, namespace: str) -> str:
    """Where a Receiver with this token is called; the bytes of the token count as they are."""
    return PREFIX + hashlib.sha256(token + name.encode() + namespace.encode()).hexdigest()


def shown(path: str) -> str:
    """As much of a path as a log may have: enough to find a Receiver, too little to call it."""
    return path.removeprefix(PREFIX)[:_SHOWN]
