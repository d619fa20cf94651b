"""Durations in Go's notation, which is what custom resources, flags and messages speak.

Inside the program a duration is a `timedelta`. The notation counts nanoseconds, a `timedelta`
microseconds; a parsed value is rounded to the nearest microsecond. A text beyond the range of Go (292
years) is refused.

`format_duration(parse_duration(text))` is Go's canonical form (`90m` becomes `1h30m0s`), and parsing a
canonical form gives the same duration back.
"""

import re
from datetime import timedelta

CRD_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
"""What `spec.interval` and most other fields accept: no sign, nothing finer than a millisecond."""

CRD_TIMEOUT_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"
"""What the `spec.timeout` of a source accepts: the same without hours."""

_MAX_NANOSECONDS = (1 << 63) - 1
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # micro sign
    "\u03bcs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_TERM = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<unit>[^0-9.]*)")
_ENOUGH_DIGITS = 18  # more digits can't move the result by a nanosecond


def parse_duration(text: str) -> timedelta:
    """Read `1h30m`, `300ms`, `-1.5s` or `0`; raise ValueError for anything else."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return timedelta()
    if not rest:
        raise _invalid(text, "a number with a unit is needed, for example 5m or 1h30m")
    total = 0
    position = 0
    while position < len(rest):
        term = _TERM.match(rest, position)
        assert term is not None  # noqa: S101 - the pattern matches the empty string
        total += _nanoseconds(text, term)
        if total > _MAX_NANOSECONDS + negative:
            raise _invalid(text, "it is longer than 292 years")
        position = term.end()
    microseconds = (total + 500) // 1_000
    return timedelta(microseconds=-microseconds if negative else microseconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration in Go's canonical form: `9m30s`, `1h0m0s`, `1.5s`, `176.164ms`, `0s`."""
    microseconds = duration // timedelta(microseconds=1)
    sign = "-" if microseconds < 0 else ""
    microseconds = abs(microseconds)
    if microseconds == 0:
        return "0s"
    if microseconds < 1_000:
        return f"{sign}{microseconds}\u00b5s"
    if microseconds < 1_000_000:
        return f"{sign}{_decimal(microseconds, 1_000)}ms"
    minutes, rest = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def _nanoseconds(text: str, term: re.Match[str]) -> int:
    whole, fraction, name = term["whole"], term["fraction"] or "", term["unit"]
    if not whole and not fraction:
        raise _invalid(text, "a number is missing before a unit")
    if not name:
        raise _invalid(text, "a unit is missing; known units: h, m, s, ms, us, ns")
    unit = _UNITS.get(name)
    if unit is None:
        raise _invalid(text, f"{name!r} is not a unit; known units: h, m, s, ms, us, ns")
    whole = whole.lstrip("0")
    if len(whole) > _ENOUGH_DIGITS + 1:
        raise _invalid(text, "it is longer than 292 years")
    fraction = fraction[:_ENOUGH_DIGITS]
    part = int(fraction) * unit // 10 ** len(fraction) if fraction else 0
    return int(whole or "0") * unit + part


def _decimal(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    if not rest:
        return str(whole)
    digits = str(rest).rjust(len(str(scale)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}"


def _invalid(text: str, problem: str) -> ValueError:
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    return ValueError(f"invalid duration {shown!r}: {problem}")
