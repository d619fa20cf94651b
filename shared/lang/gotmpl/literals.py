"""Constants as they are written in templates: Go's quoted texts, characters and numbers."""

from __future__ import annotations

import math
import re
from typing import Final

_ESCAPE: Final = re.compile(
    r"\\(?:(?P<octal>[0-7]{3})|x(?P<byte>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<sign>.))",
    re.DOTALL,
)
_SIGNS: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_INTEGER: Final = re.compile(r"[-+]?(?:0[xX]_?[0-9a-fA-F_]+|0[bB]_?[01_]+|0[oO]?_?[0-7_]*|[1-9][0-9_]*|0)")
_INT64: Final = 1 << 63


class _Unknown(Exception):
    pass


def quoted(text: str) -> str | None:
    """The value of a text in double quotes; None if one of its escapes means nothing."""
    try:
        raw = _ESCAPE.sub(lambda found: _unescaped(found, '"'), text[1:-1])
    except _Unknown:
        return None
    return raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def char(text: str) -> int | None:
    """The number of a character in single quotes."""
    try:
        value = _ESCAPE.sub(lambda found: _unescaped(found, "'"), text[1:-1])
    except _Unknown:
        return None
    if len(value) != 1:
        return None
    return ord(value) - 0xDC00 if 0xDC80 <= ord(value) <= 0xDCFF else ord(value)


def integer_or_float(text: str) -> int | float | None:
    """The value of a number."""
    if _INTEGER.fullmatch(text):
        digits = text.lstrip("+-").replace("_", "")
        base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2].lower())
        if base is None and digits.startswith("0") and digits != "0":
            base = 8
        try:
            value = int(digits, base) if base else int(digits)
        except ValueError:  # longer than Python reads
            return None
        value = -value if text.startswith("-") else value
        return value if -_INT64 <= value < _INT64 else None
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unescaped(found: re.Match[str], quote: str) -> str:
    if found["octal"]:
        return _byte(int(found["octal"], 8))
    if found["byte"]:
        return _byte(int(found["byte"], 16))
    code = found["short"] or found["long"]
    if code:
        number = int(code, 16)
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise _Unknown
        return chr(number)
    sign = found["sign"]
    if sign not in _SIGNS or (sign in "'\"" and sign != quote):
        raise _Unknown
    return _SIGNS[sign]


def _byte(number: int) -> str:
    """A byte of UTF-8, kept until all bytes of its character are there."""
    if number > 0xFF:
        raise _Unknown
    return chr(number) if number < 0x80 else chr(0xDC00 + number)
