r"""The grammar of Helm's `--set`: `a.b[0].c=x,d={1,2}`.

A comma ends a value, braces hold a list, a backslash takes the meaning from the next sign. Values are typed
unless strings are wanted: `true`, `false`, `null`, and whole numbers that don't begin with a zero. Messages
name the key and never the value.
"""

from __future__ import annotations

import re
from typing import Any, Final

from shared.lang.json import JsonObject

_MOST_ITEMS: Final = 65536
_DEEPEST: Final = 30
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_INT64: Final = 1 << 63
_WORDS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None, "0": 0}
_LITERAL: Final = re.compile(r"[\\,\[\]{}]")


class StrvalsError(ValueError):
    """A text is no assignment, or can't be made in these values."""


def parse_into(text: str, values: JsonObject) -> None:
    """Makes assignments in the values, in place.

    Raises:
        StrvalsError: the text is no list of assignments.
    """
    _Parser(text, typed=True).run(values)


def parse_into_string(text: str, values: JsonObject) -> None:
    """Like `parse_into`, but all values are strings."""
    _Parser(text, typed=False).run(values)


def escaped(text: str) -> str:
    """A text that stands for itself as a value."""
    return _LITERAL.sub(lambda match: f"\\{match[0]}", text)


class _End(Exception):
    """There is nothing left to read."""


class _Parser:
    def __init__(self, text: str, *, typed: bool) -> None:
        self._text = text
        self._at = 0
        self._typed = typed

    def run(self, values: JsonObject) -> None:
        while True:
            try:
                self._key(values, 0)
            except _End:
                return

    def _key(self, data: JsonObject, depth: int) -> None:
        name, stop = self._until("=[,.")
        if not stop:
            if name:
                raise StrvalsError(f'key "{name}" has no value')
            raise _End
        if stop == "[":
            self._indexed(data, name, depth)
        elif stop == "=":
            self._assign(data, name)
        elif stop == ",":
            _set(data, name, "")
            raise StrvalsError(f'key "{name}" has no value (cannot end with ,)')
        else:
            self._nested(data, name, depth + 1)

    def _indexed(self, data: JsonObject, name: str, depth: int) -> None:
        index = self._index()
        items = data.get(name, [])
        if not isinstance(items, list):
            raise StrvalsError(f'unable to parse key: "{name}" is no list')
        changed, ended = self._item(items, index, depth)
        _set(data, name, changed)
        if ended:
            raise _End

    def _assign(self, data: JsonObject, name: str) -> None:
        if self._at >= len(self._text):
            _set(data, name, "")
            raise _End
        _set(data, name, self._value())

    def _nested(self, data: JsonObject, name: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise StrvalsError(
                f"value name nested level is greater than maximum supported nested level of {_DEEPEST}"
            )
        inner = data.get(name, {})
        if not isinstance(inner, dict):
            raise StrvalsError(f'unable to parse key: "{name}" is no map')
        try:
            self._key(inner, depth)
        finally:
            if inner:
                _set(data, name, inner)
        if not inner:
            raise StrvalsError(f'key map "{name}" has no value')

    def _item(self, items: list[Any], index: int, depth: int) -> tuple[list[Any], bool]:
        """The list with an item set, and whether the text has ended; it is a new one if it had to grow."""
        if index < 0:
            raise StrvalsError(f"negative {index} index not allowed")
        name, stop = self._until("[.=")
        if name:
            raise StrvalsError("unexpected data at end of array index")
        if not stop:
            return items, True
        known = items[index] if index < len(items) else None
        if stop == "=":
            empty = self._at >= len(self._text)
            return _placed(items, index, "" if empty else self._value()), False
        if stop == "[":
            below = known if known is not None else []
            if not isinstance(below, list):
                raise StrvalsError("unable to parse key: an item is no list")
            changed, ended = self._item(below, self._index(), depth)
            return (items, True) if ended else (_placed(items, index, changed), False)
        inner = known
        if not isinstance(inner, dict):
            inner = {}
            if index < len(items):
                items[index] = inner
        try:
            self._key(inner, depth)
        except _End:
            return items, True
        return _placed(items, index, inner), False

    def _index(self) -> int:
        text, stop = self._until("]")
        if not stop or not _WHOLE.fullmatch(text):
            raise StrvalsError("error parsing index: it must be a number in brackets")
        return int(text)

    def _value(self) -> Any:
        if self._text[self._at] != "{":
            text, _ = self._until(",")
            return self._read(text)
        self._at += 1
        items: list[Any] = []
        while True:
            text, stop = self._until(",}")
            if not stop:
                raise StrvalsError("list must terminate with '}'")
            items.append(self._read(text))
            if stop == "}":
                if self._text[self._at : self._at + 1] == ",":
                    self._at += 1
                return items

    def _read(self, text: str) -> Any:
        if not self._typed:
            return text
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if text and text[0] != "0" and _WHOLE.fullmatch(text) and -_INT64 <= int(text) < _INT64:
            return int(text)
        return text

    def _until(self, stops: str) -> tuple[str, str]:
        """The text up to a sign, and the sign; none where the text ends first."""
        found: list[str] = []
        while self._at < len(self._text):
            sign = self._text[self._at]
            self._at += 1
            if sign in stops:
                return "".join(found), sign
            if sign == "\\":
                if self._at >= len(self._text):
                    break
                sign = self._text[self._at]
                self._at += 1
            found.append(sign)
        return "".join(found), ""


def _set(data: JsonObject, key: str, value: Any) -> None:
    if key:
        data[key] = value


def _placed(items: list[Any], index: int, value: Any) -> list[Any]:
    if index > _MOST_ITEMS:
        raise StrvalsError(f"index of {index} is greater than maximum supported index of {_MOST_ITEMS}")
    if index >= len(items):
        items = [*items, *[None] * (index + 1 - len(items))]
    items[index] = value
    return items
