"""How a new value is written in the place of an old scalar, in the notation that the author chose."""

from __future__ import annotations

import re
from typing import Final

from shared.lang.yaml import Span, needs_quotes

_BLOCK_HEADER: Final = re.compile(r"(?P<sign>[|>])(?P<chomp>[-+]?)(?P<digit>[1-9]?)[-+]?(?P<rest>[^\r\n]*)")
_FIRST: Final = frozenset("-?:,[]{}#&*!|>'\"%@`")
_MORE: Final = re.compile(r"0[oO][0-7]+|0x[0-9A-Fa-f]+")
_FLOW_SIGNS: Final = re.compile(r"[,\[\]{}?]")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")
_SHORT: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TYPED: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null"))


def replacement(text: str, span: Span, value: str) -> tuple[int, int, str]:
    """What to put where, so that the scalar of a text has another value: `text[start:end]` becomes the third.

    Anchors stay. A tag that makes a number, a boolean or null of the scalar goes, as the value is a text.
    """
    if span.style in {"|", ">"}:
        start, end, new = _block(text, span, value)
    else:
        start, end, new = span.token, span.end, _token(span, value)
    if span.tag in _TYPED:
        kept = f"&{span.anchor} " if span.anchor else ""
        return span.start, end, kept + text[span.token : start] + new
    return start, end, new


def _token(span: Span, value: str) -> str:
    if span.style == "'" and _PRINTABLE.fullmatch(value):
        return "'" + value.replace("'", "''") + "'"
    if span.style == "":
        return _plain(value, flow=span.flow)
    return _double_quoted(value)


def _plain(value: str, *, flow: bool) -> str:
    return value if is_plain(value, flow=flow) else _double_quoted(value)


def is_plain(value: str, *, flow: bool) -> bool:
    """Whether a text without quotes is read as this very text, by readers of YAML 1.1 and 1.2."""
    return not (
        not value
        or value != value.strip()
        or value[0] in _FIRST
        or value.startswith("...")
        or ": " in value
        or value.endswith(":")
        or " #" in value
        or (flow and _FLOW_SIGNS.search(value))
        or not _PRINTABLE.fullmatch(value)
        or _MORE.fullmatch(value)
        or value == "="
        or needs_quotes(value)
    )


def _double_quoted(value: str) -> str:
    return '"' + "".join(_SHORT.get(sign) or _escaped(sign) for sign in value) + '"'


def _escaped(sign: str) -> str:
    if _PRINTABLE.fullmatch(sign):
        return sign
    return f"\\x{ord(sign):02x}" if ord(sign) < 0x100 else f"\\u{ord(sign):04x}"


def _block(text: str, span: Span, value: str) -> tuple[int, int, str]:
    """One line in the place of the body; the header says that no line break belongs to the value.

    Without a body nothing says how far one is indented: the value takes the place of the header.
    """
    header = _BLOCK_HEADER.match(text, span.token)
    if header is None:
        raise ValueError("a block scalar begins with its header")
    lines = text[header.end() : span.end].splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        glued = header["rest"].startswith("#")
        return span.token, header.start("rest"), _double_quoted(value) if glued else _plain(value, flow=False)
    last = max(number for number, line in enumerate(lines) if line.strip())
    indent = len(lines[first]) - len(lines[first].lstrip(" "))
    if header["digit"]:
        # With a digit the first line may begin with blanks that belong to the value.
        content = span.value.lstrip("\n")
        indent -= len(content) - len(content.lstrip(" "))
    rest_of_line = lines[last][len(lines[last].rstrip("\r\n")) :]
    end = header.end() + sum(len(line) for line in lines[: last + 1])
    new = f"{header['sign']}{header['digit']}-{header['rest']}{lines[0]}{' ' * indent}{value}{rest_of_line}"
    return span.token, end, new
