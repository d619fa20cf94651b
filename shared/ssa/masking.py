"""Keeps the contents of Secrets out of the server's error messages, which like to quote what they refuse."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from shared.lang.json import JsonObject, dumps

MASK: Final = "*****"
_SHORT: Final = 4


def masked(message: str, *objects: JsonObject | None) -> str:
    """The message without any value of the Secrets among the objects, encoded, plain or quoted."""
    values = {
        value for obj in objects if obj is not None and obj.get("kind") == "Secret" for value in _values(obj)
    }
    for value in sorted(values, key=len, reverse=True):
        pattern = re.escape(value)
        if len(value) < _SHORT:
            # So short a value is part of ordinary words; standing alone it may be the secret.
            pattern = rf"(?<!\w){pattern}(?!\w)"
        message = re.sub(pattern, MASK, message)
    return message


def _values(secret: JsonObject) -> Iterator[str]:
    for field in ("data", "stringData"):
        entries = secret.get(field)
        if not isinstance(entries, dict):
            continue
        for value in map(_text, entries.values()):
            yield from _forms(value)
            if field == "data":
                yield from _forms(_decoded(value))


def _forms(value: str) -> Iterator[str]:
    if not value.strip():
        return
    yield value
    yield dumps(value).decode()[1:-1]
    yield from (line for line in value.splitlines() if len(line.strip()) >= _SHORT)


def _text(value: object) -> str:
    return value if isinstance(value, str) else dumps(value).decode()


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
