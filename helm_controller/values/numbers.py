"""Numbers as Helm has them: values are read by way of JSON, where every number is a double.

What is assigned in the notation of --set stays an integer, which templates show: 1000650000, where a double
is 1.00065e+09.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from shared.lang.floats import float_text

_SIGNS: Final = str.maketrans({sign: f"\\{sign}" for sign in "\\,.=[]{}"})


class Assigned(int):
    """An integer that was assigned in the notation of --set."""


def assignments(value: Any, path: str = "") -> Iterator[str]:
    """All assigned integers in values, in the notation that makes them so again."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key:
                yield from assignments(
                    item, f"{path}.{key.translate(_SIGNS)}" if path else key.translate(_SIGNS)
                )
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from assignments(item, f"{path}[{index}]")
    elif isinstance(value, Assigned):
        yield f"{path}={value}"


def without_marks(value: Any) -> Any:
    """The same values; assigned integers are like others."""
    if isinstance(value, dict):
        return {key: without_marks(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_marks(item) for item in value]
    return int(value) if isinstance(value, Assigned) else value


def spellings(value: float) -> Iterator[str]:
    """A number in the ways in which templates and messages write it."""
    yield str(value)
    yield f"{value:,}"
    try:
        double = float(value)
    except OverflowError:
        return
    if math.isfinite(double):
        yield float_text(double)
        general = float_text(double, high=6)
        yield general
        # Messages about schemas write the power in their own way.
        yield general.partition("e")[0]
