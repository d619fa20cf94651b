"""The functions that Go's templates have by themselves; `and` and `or` are known to the runner."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from shared.lang.gotmpl.effort import Effort
from shared.lang.gotmpl.errors import CallError
from shared.lang.gotmpl.functions import Function, functions, shallow
from shared.lang.gotmpl.printing import sprint, sprintf, sprintln
from shared.lang.gotmpl.values import Struct, TypedMap, truth, type_name

_JS: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def not_(value: Any) -> bool:
    """Whether a value is empty."""
    return not truth(value)


def len_(value: Any) -> int:
    """Bytes of a text, members of a list or map."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (list, tuple, dict)):
        return len(value)
    raise CallError(f"len of type {type_name(value)}" if value is not None else "len of nil pointer")


def index(value: Any, *keys: Any) -> Any:
    """A member of a list or map, and so on inwards."""
    for key in keys:
        value = _member(value, key)
    return value


def slice_(value: Any, *bounds: Any) -> Any:
    """A part of a text or list."""
    if not isinstance(value, (str, list, tuple)):
        raise CallError(f"can't slice item of type {type_name(value)}")
    if len(bounds) > (2 if isinstance(value, str) else 3):
        raise CallError(f"too many slice indexes: {len(bounds)}")
    raw: Any = value.encode() if isinstance(value, str) else list(value)
    low, high = 0, len(raw)
    if bounds:
        low = _position(bounds[0], len(raw))
    if len(bounds) > 1:
        high = _position(bounds[1], len(raw))
    if low > high:
        raise CallError(f"invalid slice index: {low} > {high}")
    part = raw[low:high]
    return part.decode(errors="replace") if isinstance(part, bytes) else part


def call(value: Any, *arguments: Any) -> Any:
    """No value that templates here get is a function."""
    del arguments
    raise CallError(f"non-function of type {type_name(value)}")


def print_(*values: Any) -> str:
    """All operands."""
    return sprint(values)


def println(*values: Any) -> str:
    """All operands and a line break."""
    return sprintln(values)


def printf(effort: Effort, template: str, *values: Any) -> str:
    """Operands in a form."""
    return sprintf(template, values, effort.spend)


def html_(*values: Any) -> str:
    """Text that is safe in HTML."""
    return (
        html.escape(_joined(values))
        .replace("&quot;", "&#34;")
        .replace("&#x27;", "&#39;")
        .replace("\0", "\ufffd")
    )


def js(*values: Any) -> str:
    """Text that is safe in texts of JavaScript."""
    return "".join(
        _JS.get(sign) or (f"\\u{ord(sign):04X}" if sign < " " else sign) for sign in _joined(values)
    )


def urlquery(*values: Any) -> str:
    """Text that is safe in the query of a URL."""
    return quote(_joined(values), safe="-_.~ ").replace(" ", "+")


def eq(first: Any, *others: Any) -> bool:
    """Whether the first is equal to one of the others."""
    if not others:
        raise CallError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def ne(first: Any, second: Any) -> bool:
    """Whether two values differ."""
    return not _equal(first, second)


def lt(first: Any, second: Any) -> bool:
    """Whether the first is less."""
    return _less(first, second)


def le(first: Any, second: Any) -> bool:
    """Whether the first is not more."""
    return _less(first, second) or _equal(first, second)


def gt(first: Any, second: Any) -> bool:
    """Whether the first is more."""
    return not le(first, second)


def ge(first: Any, second: Any) -> bool:
    """Whether the first is not less."""
    return not _less(first, second)


def _joined(values: tuple[Any, ...]) -> str:
    return values[0] if len(values) == 1 and isinstance(values[0], str) else sprint(values)


def _member(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        if not isinstance(key, str) and not (value and type(key) is type(next(iter(value)))):
            raise CallError(f"value has type {type_name(key)}; should be string")
        return value.get(key, value.zero if isinstance(value, TypedMap) else None)
    if isinstance(value, (str, list, tuple)):
        raw: Any = value.encode() if isinstance(value, str) else value
        at = _position(key, len(raw))
        if at == len(raw):
            raise CallError(f"index out of range: {at}")
        return raw[at]
    if value is None:
        raise CallError("index of untyped nil")
    raise CallError(f"can't index item of type {type_name(value)}")


def _position(key: Any, length: int) -> int:
    if not isinstance(key, int) or isinstance(key, bool):
        raise CallError(f"cannot index slice/array with type {type_name(key)}")
    if not 0 <= key <= length:
        raise CallError(f"index out of range: {key}")
    return key


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "string"
    return ""


def _equal(first: Any, second: Any) -> bool:
    one, other = _kind(first), _kind(second)
    if one and other:
        if one != other:
            raise CallError("incompatible types for comparison")
        return bool(first == second)
    if first is None or second is None:
        return first is second
    if isinstance(first, Struct) and isinstance(second, Struct):
        return first == second
    if one or other:
        raise CallError("incompatible types for comparison")
    raise CallError(f"non-comparable type {type_name(first)}: {type_name(second)}")


def _less(first: Any, second: Any) -> bool:
    one, other = _kind(first), _kind(second)
    if not one or not other or "bool" in {one, other}:
        raise CallError("invalid type for comparison")
    if one != other:
        raise CallError("incompatible types for comparison")
    return bool(first < second)


BUILTIN: Final[Mapping[str, Function]] = {
    **functions(call, print_, println, printf, html_, js, urlquery),
    **shallow(not_, len_, index, slice_, eq, ne, lt, le, gt, ge),
}
