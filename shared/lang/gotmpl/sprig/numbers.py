"""Functions on numbers; texts that are numbers count as such."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from shared.lang.gotmpl.errors import CallError
from shared.lang.gotmpl.functions import Function, functions

_WHOLE: Final = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[0-9]+)")
_MOST: Final = 100_000
_INT64: Final = 1 << 63


def whole(value: Any) -> int:
    """A value as a whole number; what is none is 0."""
    match value:
        case bool():
            return int(value)
        case int():
            return value
        case float():
            return int(value) if math.isfinite(value) else 0
        case str() if _WHOLE.fullmatch(value):
            number = int(value, 0) if not re.fullmatch(r"[-+]?0[0-9]+", value) else _octal(value)
            return number if -_INT64 <= number < _INT64 else 0
    return 0


def real(value: Any) -> float:
    """A value as a number with a fraction; what is none is 0."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    try:
        return float(value) if isinstance(value, str) and value == value.strip() else 0.0
    except ValueError:
        return 0.0


def add(*values: Any) -> int:
    """The sum."""
    return _int64(sum(map(whole, values)))


def add1(value: Any) -> int:
    """One more."""
    return _int64(whole(value) + 1)


def sub(first: Any, second: Any) -> int:
    """The difference."""
    return _int64(whole(first) - whole(second))


def mul(first: Any, *others: Any) -> int:
    """The product."""
    return _int64(math.prod([whole(first), *map(whole, others)]))


def div(first: Any, second: Any) -> int:
    """How often the second is in the first."""
    dividend, divisor = whole(first), _divisor(second)
    quotient = abs(dividend) // abs(divisor)
    return _int64(quotient if (dividend < 0) == (divisor < 0) else -quotient)


def mod(first: Any, second: Any) -> int:
    """What is left of a division; it has the sign of the first."""
    dividend, divisor = whole(first), _divisor(second)
    return int(math.copysign(abs(dividend) % abs(divisor), dividend))


def max_(first: Any, *others: Any) -> int:
    """The largest."""
    return max([whole(first), *map(whole, others)])


def min_(first: Any, *others: Any) -> int:
    """The smallest."""
    return min([whole(first), *map(whole, others)])


def addf(*values: Any) -> float:
    """The sum."""
    return sum(map(real, values), 0.0)


def subf(first: Any, *others: Any) -> float:
    """The difference."""
    return real(first) - sum(map(real, others))


def mulf(first: Any, *others: Any) -> float:
    """The product."""
    return math.prod([real(first), *map(real, others)])


def divf(first: Any, *others: Any) -> float:
    """The quotient."""
    result = real(first)
    for other in others:
        if not real(other):
            raise CallError("division by zero")
        result /= real(other)
    return result


def maxf(first: Any, *others: Any) -> float:
    """The largest."""
    return max([real(first), *map(real, others)])


def minf(first: Any, *others: Any) -> float:
    """The smallest."""
    return min([real(first), *map(real, others)])


def floor(value: Any) -> float:
    """The next smaller whole number."""
    return float(math.floor(real(value)))


def ceil(value: Any) -> float:
    """The next larger whole number."""
    return float(math.ceil(real(value)))


def round_(value: Any, digits: int, *half: float) -> float:
    """Rounded to some digits after the point; `half` is where rounding up begins."""
    scaled = real(value) * 10.0**digits
    up = math.modf(scaled)[0] >= (half[0] if half else 0.5)
    return (math.ceil(scaled) if up else math.floor(scaled)) / 10.0**digits


def until(count: int) -> list[int]:
    """The numbers before one, from 0."""
    return until_step(0, count, 1 if count >= 0 else -1)


def until_step(start: int, stop: int, step: int) -> list[int]:
    """The numbers from one up to another one, by steps."""
    if step == 0 or (stop < start) != (step < 0):
        return []
    return _bounded(range(start, stop, step))


def seq(*bounds: int) -> str:
    """Numbers with blanks between them, as the `seq` of a shell."""
    match bounds:
        case (end,):
            numbers = range(1, end + 1) if end >= 1 else range(1, end - 1, -1)
        case (start, end):
            numbers = range(start, end + 1) if end >= start else range(start, end - 1, -1)
        case (start, step, end) if step and (end < start) == (step < 0):
            numbers = range(start, end + (1 if step > 0 else -1), step)
        case _:
            return ""
    return " ".join(map(str, _bounded(numbers)))


def _bounded(numbers: range) -> list[int]:
    if len(numbers) > _MOST:
        raise CallError(f"more than {_MOST} numbers")
    return list(numbers)


def _divisor(value: Any) -> int:
    divisor = whole(value)
    if not divisor:
        raise CallError("integer divide by zero")
    return divisor


def _int64(value: int) -> int:
    return (value + _INT64) % (2 * _INT64) - _INT64


def _octal(text: str) -> int:
    try:
        return int(text, 8)
    except ValueError:
        return 0


NUMBERS: Final[Mapping[str, Function]] = functions(
    add,
    add1,
    sub,
    mul,
    div,
    mod,
    max_,
    min_,
    addf,
    subf,
    mulf,
    divf,
    maxf,
    minf,
    floor,
    ceil,
    round_,
    until,
    seq,
    untilStep=until_step,
    biggest=max_,
    atoi=whole,
    int64=whole,
    float64=real,
    int=whole,
)
