"""Numbers with a point as Go writes them."""

from __future__ import annotations


def float_text(value: float, *, low: int = -4, high: int = 21, width: int = 2) -> str:
    """The fewest digits that mean a finite number.

    It has an exponent, of at least `width` digits, below 10^low and from 10^high on.
    """
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    if low <= point - 1 < high:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{digits}"
        head, tail = digits[:point].ljust(point, "0"), digits[point:]
        return f"{sign}{head}{'.' if tail else ''}{tail}"
    tail = f".{digits[1:]}" if digits[1:] else ""
    return f"{sign}{digits[0]}{tail}e{'-' if point <= 0 else '+'}{abs(point - 1):0{width}d}"
