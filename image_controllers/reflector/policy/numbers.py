"""Numbers as Go reads them: with underscores between digits, hexadecimal with a binary exponent."""

from __future__ import annotations

import math
import re
from typing import Final

_DIGITS: Final = r"[0-9]+(?:_[0-9]+)*"
_DECIMAL: Final = re.compile(rf"[-+]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?{_DIGITS})?")
_HEX_DIGITS: Final = r"[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*"
_HEXADECIMAL: Final = re.compile(
    rf"[-+]?0[xX]_?(?:{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})[pP][-+]?{_DIGITS}"
)
_INFINITE: Final = re.compile(r"[-+]?inf(?:inity)?", re.IGNORECASE)


def number(text: str) -> float | None:
    """The value of a text; None for what is no number, is not one (NaN) or is too large for one."""
    if _INFINITE.fullmatch(text):
        return float(text)
    plain = text.replace("_", "")
    try:
        if _DECIMAL.fullmatch(text):
            value = float(plain)
        elif _HEXADECIMAL.fullmatch(text):
            value = float.fromhex(plain)
        else:
            return None
    except OverflowError:
        return None
    return value if math.isfinite(value) else None
