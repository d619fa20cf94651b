"""JSON of any depth, for what somebody else wrote: what is nested too deep for us is null.

An API server stores objects of thousands of levels, and one of them must not keep us from reading the others.
Nothing that is meant to be so deep exists, and whoever looks at the rest finds it deep enough to refuse it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from shared.lang.json import JsonError, dumps, loads

#: Fewer than can be written, see `dumps`.
DEEPEST: Final = 250
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)


def loads_cut(text: bytes) -> Any:
    """Decode one JSON value of any depth; raise `JsonError` where it is none."""
    try:
        return loads(text)
    except JsonError:
        return loads(_cut(text))


def dumps_cut(value: Any) -> bytes:
    """Encode a value of any depth."""
    try:
        return dumps(value)
    except JsonError:
        return dumps(_shallow(value, DEEPEST))


def _cut(text: bytes) -> bytes:
    parts: list[bytes] = []
    depth = begin = 0
    for token in _TOKEN.finditer(text):
        if token[0] in b"[{":
            depth += 1
            if depth == DEEPEST + 1:
                parts += (text[begin : token.start()], b"null")
        elif token[0] in b"]}":
            if depth == DEEPEST + 1:
                begin = token.end()
            depth -= 1
    return b"".join((*parts, text[begin:])) if depth == 0 else text


def _shallow(value: Any, levels: int) -> Any:
    if isinstance(value, dict):
        return {key: _shallow(item, levels - 1) for key, item in value.items()} if levels else None
    if isinstance(value, list):
        return [_shallow(item, levels - 1) for item in value] if levels else None
    return value
