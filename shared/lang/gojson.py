"""JSON as Go's library writes it, for digests and for Helm's records; and as it reads what comes in.

What is no Unicode in a string, be it bytes or half of a pair of escapes, is U+FFFD to Go, and no mistake.
That takes far longer to read, so it stays a mistake in a text of more than 256 KiB, as does a second value.
"""

from __future__ import annotations

import json
from typing import Any, Final

from shared.lang.floats import float_text
from shared.lang.json import JsonError, JsonObject, object_in
from shared.lang.json import loads as strictly

_SIGNS: Final = tuple((sign, f"\\u{ord(sign):04x}") for sign in "<>&\u2028\u2029")
_ESCAPES: Final = {ord(sign): escape for sign, escape in _SIGNS}
_EXACT: Final = 1 << 53
_MENDED: Final = 1 << 18
_BLANKS: Final = " \t\r\n"
_DECODER: Final = json.JSONDecoder()
_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def loads(text: bytes) -> Any:
    """Decode one JSON value.

    Raises:
        JsonError: it is none.
    """
    try:
        return strictly(text)
    except JsonError:
        mended = _mended(text)
        if mended is None:
            raise
    return strictly(mended)


def loads_object(text: bytes) -> JsonObject:
    """Decode a JSON object; `null` is one without members.

    Raises:
        JsonError: it is none.
    """
    value = loads(text)
    return {} if value is None else object_in(value)


def first_object(text: bytes) -> JsonObject:
    """Decode the first of the values in a text, as Go's decoder of streams does: an object, or `null`.

    Raises:
        JsonError: there is none.
    """
    try:
        return loads_object(text)
    except JsonError:
        first = _first(text)
        if first is None:
            raise
    return loads_object(first)


def with_doubles(value: Any) -> Any:
    """A value of JSON whose whole numbers are floats, changed in place: to Go all of its numbers are doubles.

    So `1` and `1.0` mean the same to expressions and templates. Without recursion, as it came from outside.
    """
    whole = [value]
    pending: list[Any] = [whole]
    while pending:
        here = pending.pop()
        for key, item in here.items() if isinstance(here, dict) else enumerate(here):
            if type(item) is int:
                here[key] = float(item)
            elif isinstance(item, dict | list):
                pending.append(item)
    return whole[0]


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """Compact, with the signs escaped that HTML knows; keys in their order, or sorted at every level."""
    return "".join(_parts(value, sort_keys=sort_keys))


def dumps_texts(value: Any) -> str:
    """The same, at a tenth of the time, for a value that has no numbers in it."""
    text = _COMPACT.encode(value)
    for sign, escape in _SIGNS:
        text = text.replace(sign, escape)
    return text


def _first(text: bytes) -> bytes | None:
    """The first value of several; None if there is a mistake in it."""
    if len(text) > _MENDED:
        return None
    decoded = text.decode(errors="surrogateescape").lstrip(_BLANKS)
    try:
        _, end = _DECODER.raw_decode(decoded)
    except (ValueError, RecursionError):
        return None
    return decoded[:end].encode(errors="surrogateescape")


def _mended(text: bytes) -> str | None:
    """The same value with nothing but Unicode in its strings; None if there is another mistake."""
    if len(text) > _MENDED:
        return None
    try:
        value = json.loads(text.decode(errors="replace"), parse_constant=_refused)
        written = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _refused(name: str) -> Any:
    raise ValueError(name)


def _parts(value: Any, *, sort_keys: bool) -> list[str]:
    match value:
        case dict():
            parts = ["{"]
            for number, key in enumerate(sorted(value) if sort_keys else value):
                parts += ["," if number else "", _text(key), ":"]
                parts += _parts(value[key], sort_keys=sort_keys)
            return [*parts, "}"]
        case list() | tuple():
            parts = ["["]
            for number, item in enumerate(value):
                parts.append("," if number else "")
                parts += _parts(item, sort_keys=sort_keys)
            return [*parts, "]"]
        case str():
            return [_text(value)]
        case bool() | None:
            return [{True: "true", False: "false", None: "null"}[value]]
        case int():
            return [str(value) if abs(value) < _EXACT else float_text(float(value), low=-6, width=1)]
        case float():
            return [float_text(value, low=-6, width=1)]
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
