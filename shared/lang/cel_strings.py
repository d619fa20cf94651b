"""Functions of the string library of CEL that the runtime has got wrong, as the library documents them.

Its `substring` does not reach the end of a text, and its searches fail, or find something, where they should
begin behind the end. It lets nobody replace a function, so calls of these get another name, as long as their
own, before an expression is read; the rest of it stays as it is, literals and comments included.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_TOKENS: Final = re.compile(
    r"""
    //[^\n]*
    | [rR] (?: \"{3}.*?\"{3} | '{3}.*?'{3} | "[^"\n\r]*" | '[^'\n\r]*' )
    | \"{3} (?: \\. | [^\\] )*? \"{3}
    | '{3} (?: \\. | [^\\] )*? '{3}
    | " (?: \\. | [^\\"\n\r] )* "
    | ' (?: \\. | [^\\'\n\r] )* '
    | ["'].*  # a literal without an end: nothing behind it is read
    | (?P<dot> \.\s* ) (?P<name> substring | indexOf | lastIndexOf ) (?P<call> \s*\( )
    """,
    re.VERBOSE | re.DOTALL,
)
_PREFIX: Final = "_"


def substring(text: str, start: int, end: int | None = None) -> str:
    """A part of a text, its end not included; it may be the end of the text."""
    end = len(text) if end is None else end
    for index in (start, end):
        if not 0 <= index <= len(text):
            raise ValueError(f"index out of range: {index}")
    if start > end:
        raise ValueError(f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


def index_of(text: str, part: str, start: int = 0) -> int:
    """Where a part begins for the first time from a place on; -1 if it does nowhere."""
    if start < 0:
        raise ValueError(f"index out of range: {start}")
    return text.find(part, min(start, len(text)))


def last_index_of(text: str, part: str, last: int | None = None) -> int:
    """Where a part begins for the last time, up to a place; -1 if it does nowhere, or the place is no longer
    in the text.
    """
    if last is None:
        return text.rfind(part)
    if last < 0:
        raise ValueError(f"index out of range: {last}")
    if part and last >= len(text):
        return -1
    return text.rfind(part, 0, last + len(part))


#: By the name that they have in an expression; with the kinds of what they take and give.
FUNCTIONS: Final[dict[str, tuple[Callable[..., Any], tuple[str, ...], str]]] = {
    "substring": (substring, ("INT", "INT"), "STRING"),
    "indexOf": (index_of, ("STRING", "INT"), "INT"),
    "lastIndexOf": (last_index_of, ("STRING", "INT"), "INT"),
}


def alias(name: str) -> str:
    """The other name of a function."""
    return f"{_PREFIX}{name[1:]}"


def with_aliases(text: str) -> str:
    """An expression in which calls of the functions have their other names."""
    return _TOKENS.sub(_renamed, text)


def without_aliases(text: str) -> str:
    """A message in which the functions are called as in the expression."""
    for name in FUNCTIONS:
        text = re.sub(rf"\b{alias(name)}\b", name, text)
    return text


def _renamed(token: re.Match[str]) -> str:
    return f"{token['dot']}{alias(token['name'])}{token['call']}" if token["name"] else token[0]
