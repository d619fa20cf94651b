"""JSON as Go's library writes it, for texts of which digests are made and for Helm's records."""

from __future__ import annotations

import json
from typing import Any, Final

_ESCAPES: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
_EXACT: Final = 1 << 53


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """Compact, with the signs escaped that HTML knows; keys in their order, or sorted at every level."""
    return "".join(_parts(value, sort_keys=sort_keys))


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
            return [str(value) if abs(value) < _EXACT else _number(float(value))]
        case float():
            return [_number(value)]
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)


def _number(value: float) -> str:
    """The fewest digits that mean the number; an exponent only for very small and very large ones."""
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    if 1e-6 <= abs(value) < 1e21:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{digits}"
        head, tail = digits[:point].ljust(point, "0"), digits[point:]
        return f"{sign}{head}{'.' if tail else ''}{tail}"
    tail = f".{digits[1:]}" if digits[1:] else ""
    return f"{sign}{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"
