"""How Go's `fmt` prints values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from shared.lang.floats import float_text
from shared.lang.gotmpl.errors import CallError
from shared.lang.gotmpl.values import Struct, map_keys, type_name

_VERB: Final = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\*|[0-9]+)?(?:\.(?P<precision>\*|[0-9]*))?"
    r"(?:\[(?P<index>[0-9]+)\])?(?P<verb>.)?",
    re.DOTALL,
)
_WIDEST: Final = 10_000
#: The verbs to which a struct is its text, if it has one.
_OF_TEXTS: Final = frozenset("vsqxX")
#: What `+` becomes for `%v`: names for the fields of structs, and no sign for numbers.
_NAMED: Final = "n"
_QUOTED: Final = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def text_of(value: Any) -> str:  # noqa: PLR0911 - one for each type
    """What `%v` prints."""
    match value:
        case str():
            return value
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return number_text(value)
        case list() | tuple():
            return f"[{' '.join(map(text_of, value))}]"
        case dict():
            pairs = (f"{text_of(key)}:{text_of(value[key])}" for key in map_keys(value))
            return f"map[{' '.join(pairs)}]"
        case Struct():
            text = value.text()
            return text if text is not None else f"{{{' '.join(text_of(part) for _, part in value.parts())}}}"
    return str(value)


def shown(value: Any) -> str:
    """What an action writes for a value."""
    return "<no value>" if value is None else text_of(value)


def number_text(value: float) -> str:
    """What Go prints for a number with a point."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return float_text(value, high=6)


def quoted(text: str) -> str:
    """A text in double quotes, as `%q` prints it."""
    return '"' + "".join(map(_quoted_sign, text)) + '"'


def sprint(values: Sequence[Any]) -> str:
    """`print`: a blank between operands where neither is a text."""
    parts: list[str] = []
    for number, value in enumerate(values):
        if number and not isinstance(value, str) and not isinstance(values[number - 1], str):
            parts.append(" ")
        parts.append(text_of(value))
    return "".join(parts)


def sprintln(values: Sequence[Any]) -> str:
    """`println`: a blank between all operands, and a line break."""
    return " ".join(map(text_of, values)) + "\n"


def sprintf(template: str, values: Sequence[Any], widen: Callable[[int], None]) -> str:
    """`printf`; what does not fit is told in the text, as Go does.

    `widen` is told how much longer a text may become than its operands are.

    Raises:
        CallError: a width is beyond any use.
    """
    return _Formatter(values, widen).run(template)


class _Formatter:
    def __init__(self, values: Sequence[Any], widen: Callable[[int], None]) -> None:
        self._values = values
        self._widen = widen
        self._next = 0
        self._reordered = False

    def run(self, template: str) -> str:
        text = _VERB.sub(self._verb, template)
        if not self._reordered and self._next < len(self._values):
            rest = ", ".join(
                "<nil>" if value is None else f"{type_name(value)}={text_of(value)}"
                for value in self._values[self._next :]
            )
            text += f"%!(EXTRA {rest})"
        return text

    def _verb(self, found: re.Match[str]) -> str:
        flags, verb = found["flags"], found["verb"]
        width = self._size(found["width"])
        precision = self._size(found["precision"]) if found["precision"] is not None else None
        if found["precision"] == "":
            precision = 0
        if verb is None:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        if found["index"]:
            self._reordered, self._next = True, int(found["index"]) - 1
        if not 0 <= self._next < len(self._values):
            return f"%!{verb}(BADINDEX)" if found["index"] else f"%!{verb}(MISSING)"
        value = self._values[self._next]
        self._next += 1
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        self._widen(max(width or 0, precision or 0) * _leaves(value))
        if verb == "v" and "#" not in flags:
            flags = flags.replace("+", _NAMED)
        return _form(value, verb, flags, width or 0, precision)

    def _size(self, text: str | None) -> int | None:
        if text != "*":
            size = int(text) if text else None
        else:
            given = self._values[self._next] if self._next < len(self._values) else None
            self._next += 1
            size = given if isinstance(given, int) and not isinstance(given, bool) else None
        if size is not None and abs(size) > _WIDEST:
            raise CallError(f"a width of {size} is more than {_WIDEST}")
        return size


def _form(value: Any, verb: str, flags: str, width: int, precision: int | None) -> str:  # noqa: PLR0911 - one for each type
    """A value in a form; one that the form is not for is told with its type, and printed in its own."""
    if verb == "T":
        return type_name(value).ljust(width) if "-" in flags else type_name(value).rjust(width)
    form = _VERBS.get((type(value), verb))
    if form is not None:
        return _padded(form(value, flags, precision), value, verb, flags, width)
    inner = partial(_form, verb=verb, flags=flags, width=width, precision=precision)
    if isinstance(value, (list, tuple)):
        return f"[{' '.join(map(inner, value))}]"
    if verb == "v" and "#" in flags and isinstance(value, (dict, Struct)):
        return _padded(text_of(value), value, verb, flags, width)
    if isinstance(value, dict):
        return f"map[{' '.join(f'{inner(key)}:{inner(value[key])}' for key in map_keys(value))}]"
    if isinstance(value, Struct):
        text = value.text() if verb in _OF_TEXTS else None
        return inner(text) if text is not None else _struct(value, inner, named=_NAMED in flags)
    if value is None:
        return _padded("<nil>", value, verb, flags, width) if verb == "v" else f"%!{verb}(<nil>)"
    return f"%!{verb}({type_name(value)}={_form(value, 'v', flags.replace('#', ''), width, precision)})"


def _struct(value: Struct, inner: Callable[[Any], str], *, named: bool) -> str:
    parts = (f"{name}:{inner(part)}" if named else inner(part) for name, part in value.parts())
    return f"{{{' '.join(parts)}}}"


def _leaves(value: Any) -> int:
    """How many texts are widened for a value: those of its members, one by one."""
    match value:
        case list() | tuple():
            return sum(map(_leaves, value))
        case dict():
            return sum(_leaves(key) + _leaves(item) for key, item in value.items())
        case Struct() if value.text() is None:
            return sum(_leaves(part) for _, part in value.parts())
    return 1


def _padded(text: str, value: Any, verb: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and type(value) in {int, float} and verb in "dfFeEgGxXobv":
        sign = text[0] if text[:1] in {"+", "-", " "} else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width, "0" if "0" in flags else " ")


def _signed(text: str, flags: str) -> str:
    if text.startswith(("-", "+")):
        return text
    return f"+{text}" if "+" in flags else f" {text}" if " " in flags else text


def _string(value: str, flags: str, precision: int | None) -> str:
    del flags
    return value if precision is None else value[:precision]


def _string_quoted(value: str, flags: str, precision: int | None) -> str:
    text = _string(value, flags, precision)
    return f"`{text}`" if "#" in flags and "`" not in text and text.isprintable() else quoted(text)


def _hexadecimal(value: str, flags: str, precision: int | None) -> str:
    digits = value.encode()[:precision].hex()
    return f"0x{digits}" if "#" in flags and digits else digits


def _integer(base: str) -> Callable[[int, str, int | None], str]:
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(base, "")

    def form(value: int, flags: str, precision: int | None) -> str:
        digits = format(abs(value), base).rjust(precision or 0, "0")
        text = f"{'-' if value < 0 else ''}{prefix if '#' in flags else ''}{digits}"
        return _signed(text, flags)

    return form


def _character(value: int, flags: str, precision: int | None) -> str:
    del flags, precision
    return chr(value) if 0 <= value < 0xD800 or 0xE000 <= value <= 0x10FFFF else "\ufffd"


def _character_quoted(value: int, flags: str, precision: int | None) -> str:
    sign = _character(value, flags, precision)
    return "'\\''" if sign == "'" else f"'{_quoted_sign(sign) if sign != chr(34) else sign}'"


def _fixed(value: float, flags: str, precision: int | None) -> str:
    return _signed(f"{value:.{6 if precision is None else precision}f}", flags)


def _scientific(value: float, flags: str, precision: int | None) -> str:
    return _signed(f"{value:.{6 if precision is None else precision}e}", flags)


def _general(value: float, flags: str, precision: int | None) -> str:
    text = number_text(value) if precision is None else f"{value:.{precision or 1}g}"
    return _signed(text, flags)


def _string_value(value: str, flags: str, precision: int | None) -> str:
    return quoted(value) if "#" in flags else _string(value, flags, precision)


def _boolean(value: bool, flags: str, precision: int | None) -> str:
    del flags, precision
    return text_of(value)


_VERBS: Final[dict[tuple[type, str], Callable[[Any, str, int | None], str]]] = {
    (str, "s"): _string,
    (str, "v"): _string_value,
    (str, "q"): _string_quoted,
    (str, "x"): _hexadecimal,
    (str, "X"): lambda value, flags, precision: _hexadecimal(value, flags, precision).upper(),
    **{(int, base): _integer(base) for base in "dxXob"},
    (int, "v"): _integer("d"),
    (int, "c"): _character,
    (int, "q"): _character_quoted,
    (int, "U"): lambda value, flags, precision: f"U+{value:04X}",  # noqa: ARG005
    (float, "f"): _fixed,
    (float, "F"): _fixed,
    (float, "e"): _scientific,
    (float, "E"): lambda value, flags, precision: _scientific(value, flags, precision).replace("e", "E"),
    (float, "g"): _general,
    (float, "G"): lambda value, flags, precision: _general(value, flags, precision).replace("e", "E"),
    (float, "v"): _general,
    (bool, "t"): _boolean,
    (bool, "v"): _boolean,
}


def _quoted_sign(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign in _QUOTED:
        return _QUOTED[sign]
    if sign.isprintable():
        return sign
    number = ord(sign)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
