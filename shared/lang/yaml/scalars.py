"""What an unquoted scalar means, in the two dialects of Go's YAML libraries.

The rules are those of go-yaml (version 3 for manifests, version 2 for substituted text), not those of any
YAML specification: a leading zero makes an octal number, `08` is a float, underscores are dropped, base 60
is text. Numbers are then what they would be after a trip through JSON in Kubernetes: integral floats
become integers, and integers beyond 64 bits with sign become floats.
"""

import datetime as dt
import re
from typing import Any, Final

_NULLS = dict.fromkeys(["", "~", "null", "Null", "NULL"])
_CORE: dict[str, bool | float | None] = {
    **_NULLS,
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], float("nan")),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], float("inf")),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], float("-inf")),
}

GO_WORDS: Final = _CORE
"""Words with a meaning in manifests."""

YAML11_WORDS: Final = {
    **_CORE,
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "off", "Off", "OFF"], False),
}
"""Words with a meaning in substituted text; the writer quotes them too."""

MERGE_KEY: Final = "<<"

_FIRST_OF_NUMBERS = frozenset("+-.0123456789")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FROM_POINT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_TIMESTAMP = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:(?:(?P<t>[Tt])| +)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2}):(?P<second>[0-9]{1,2})(?:[.,][0-9]+)?"
    r"(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_INT64 = 1 << 63
_BASES = {"hex": 16, "bin": 2, "oct": 8}


def resolve(text: str, words: dict[str, bool | float | None]) -> Any:
    """The JSON value of a plain scalar; `.inf` and `.nan` come back as floats that JSON can't hold."""
    if text in words:
        return words[text]
    if text[0] in _FIRST_OF_NUMBERS:
        number = _number(text)
        if number is not None:
            return number
    return text


def needs_quotes(text: str) -> bool:
    """Whether a string would come back as something else if it were written plainly."""
    if text in YAML11_WORDS or text == MERGE_KEY:
        return True
    if text[0] not in _FIRST_OF_NUMBERS:
        return False
    return _number(text) is not None or bool(_BASE_60.fullmatch(text)) or is_timestamp(text)


def is_timestamp(text: str) -> bool:
    """Whether Go's library takes a plain scalar for a date or a time."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None or (match["hour"] and bool(match["t"]) is not bool(match["zone"])):
        return False
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    try:
        dt.date(int(match["year"]) or 4, int(match["month"]), int(match["day"]))
        dt.time(hour, minute, second)
    except ValueError:
        return False
    return True


def scalar_text(value: float) -> str:
    """A boolean or a number as the text that Go makes of it where a string is wanted."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
    return format_float(value)


def format_float(value: float) -> str:
    """Write a float with the fewest digits, in the notation that Go chooses."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)
    digits = digits.rstrip("0") or "0"
    sign = "-" if value < 0 else ""
    if -4 <= point - 1 < 6:
        padded = digits.ljust(point, "0") if point > 0 else digits.rjust(len(digits) - point + 1, "0")
        cut = max(point, 1)
        return sign + ".".join(filter(None, (padded[:cut], padded[cut:])))
    return f"{sign}{'.'.join(filter(None, (digits[0], digits[1:])))}e{point - 1:+03d}"


def _number(text: str) -> int | float | None:
    if text[0] != ".":
        text = text.replace("_", "")
        match = _INTEGER.fullmatch(text)
        number = _integer(match) if match else None
        if number is not None:
            return number
    elif _FROM_POINT.fullmatch(text):
        # Without a digit before the point, underscores may stand between digits only.
        text = text.replace("_", "")
    if not _FLOAT.fullmatch(text):
        return None
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        return None
    return int(value) if value.is_integer() and -_INT64 <= value < _INT64 else value


def _integer(match: re.Match[str]) -> int | float | None:
    kind = match.lastgroup or "dec"
    digits = match[kind]
    if kind == "dec" and len(digits) > 20:
        return None
    value = int(digits, _BASES.get(kind, 10))
    if match["sign"] == "-":
        return -value if value <= _INT64 else None
    if value < _INT64:
        return value
    return float(value) if value < 2 * _INT64 and not match["sign"] else None
