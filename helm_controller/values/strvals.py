r"""The grammar of Helm's `--set`: `a.b[0].c=x,d={1,2}`.

A comma ends a value, braces hold a list, a backslash takes the meaning from the next sign. Values are typed
unless strings are wanted: `true`, `false`, `null`, and whole numbers that don't begin with a zero. Messages
name the key and never the value; but what follows a comma is a key, even where somebody meant a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from shared.lang.json import JsonObject

_GREATEST_INDEX: Final = 65536
_DEEPEST: Final = 30
#: Indexes in one key; Helm has no limit, but what is nested much deeper can't be written as JSON.
_MOST_INDEXES: Final = 100
#: Items of all lists that one text makes, or makes longer; Helm has no limit, and a short text could ask for
#: more memory than there is.
_MOST_ITEMS_TOGETHER: Final = 1 << 22
_WHOLE: Final = re.compile(r"([+-]?)0*([0-9]{1,19})")
_INT64: Final = 1 << 63
_WORDS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}
_LITERAL: Final = re.compile(r"[\\,\[\]{}]")


class StrvalsError(ValueError):
    """A text is no assignment, or can't be made in these values."""

    def __init__(self, message: str, at: int) -> None:
        """`at`: how much of the text had been read when it went wrong, in characters."""
        super().__init__(message)
        self.at = at


def parse_into(text: str, values: JsonObject, integer: Callable[[int], int] = int) -> None:
    """Makes assignments in the values, in place; `integer` makes the integers that are set.

    Raises:
        StrvalsError: the text is no list of assignments.
    """
    _Parser(text, typed=True, integer=integer).run(values)


def parse_into_string(text: str, values: JsonObject) -> None:
    """Like `parse_into`, but all values are strings."""
    _Parser(text, typed=False).run(values)


def escaped(text: str) -> str:
    """A text that stands for itself as a value."""
    return _LITERAL.sub(lambda match: f"\\{match[0]}", text)


class _End(Exception):
    """There is nothing left to read."""


class _Parser:
    def __init__(self, text: str, *, typed: bool, integer: Callable[[int], int] = int) -> None:
        self._text = text
        self._at = 0
        self._typed = typed
        self._integer = integer
        self._indexes = 0
        self._room = _MOST_ITEMS_TOGETHER

    def run(self, values: JsonObject) -> None:
        while True:
            self._indexes = 0
            try:
                self._key(values, 0)
            except _End:
                return

    def _key(self, data: JsonObject, depth: int) -> None:
        name, stop = self._until("=[,.")
        if not stop:
            if name:
                raise self._error(f'key "{name}" has no value')
            raise _End
        if stop == "[":
            self._indexed(data, name, depth)
        elif stop == "=":
            self._assign(data, name)
        elif stop == ",":
            _set(data, name, "")
            raise self._error(f'key "{name}" has no value (cannot end with ,)')
        else:
            self._nested(data, name, depth + 1)

    def _indexed(self, data: JsonObject, name: str, depth: int) -> None:
        index = self._index()
        items = data.get(name, [])
        if not isinstance(items, list):
            raise self._error(f'unable to parse key: "{name}" is no list')
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
            raise self._error(
                f"value name nested level is greater than maximum supported nested level of {_DEEPEST}"
            )
        inner = data.get(name, {})
        if not isinstance(inner, dict):
            raise self._error(f'unable to parse key: "{name}" is no map')
        try:
            self._key(inner, depth)
        finally:
            if inner:
                _set(data, name, inner)
        if not inner:
            raise self._error(f'key map "{name}" has no value')

    def _item(self, items: list[Any], index: int, depth: int) -> tuple[list[Any], bool]:
        """The list with an item set, and whether the text has ended; it is a new one if it had to grow."""
        if index < 0:
            raise self._error("negative index not allowed")
        self._indexes += 1
        if self._indexes > _MOST_INDEXES:
            raise self._error(f"more than {_MOST_INDEXES} indexes in one key")
        at = self._at
        name, stop = self._until("[.=")
        if name:
            raise self._error("unexpected data at end of array index")
        if not stop:
            return items, True
        known = items[index] if index < len(items) else None
        if stop == "=":
            empty = self._at >= len(self._text)
            return self._placed(items, index, "" if empty else self._value(), at), False
        if stop == "[":
            below = known if known is not None else []
            if not isinstance(below, list):
                raise self._error("unable to parse key: an item is no list")
            try:
                changed, ended = self._item(below, self._index(), depth)
            except _End:
                return items, True
            return (items, True) if ended else (self._placed(items, index, changed, at), False)
        inner = known
        if not isinstance(inner, dict):
            inner = {}
            if index < len(items):
                items[index] = inner
        try:
            self._key(inner, depth)
        except _End:
            return items, True
        return self._placed(items, index, inner, at), False

    def _placed(self, items: list[Any], index: int, value: Any, at: int) -> list[Any]:
        if index > _GREATEST_INDEX:
            message = f"index is greater than maximum supported index of {_GREATEST_INDEX}"
            raise StrvalsError(message, at)
        if index >= len(items):
            self._room -= index + 1
            if self._room < 0:
                raise self._error("the lists have too many items together")
            items = [*items, *[None] * (index + 1 - len(items))]
        items[index] = value
        return items

    def _index(self) -> int:
        text, stop = self._until("]")
        if not stop:
            # Helm takes a bracket that is never closed for the end, too.
            raise _End
        index = _int64(text)
        if index is None:
            raise self._error("error parsing index: it must be a number in brackets")
        return index

    def _value(self) -> Any:
        if self._text[self._at] != "{":
            text, _ = self._until(",")
            return self._read(text)
        self._at += 1
        items: list[Any] = []
        while True:
            text, stop = self._until(",}")
            if not stop:
                raise self._error("list must terminate with '}'")
            items.append(self._read(text))
            if stop == "}":
                if self._text[self._at : self._at + 1] == ",":
                    self._at += 1
                return items

    def _read(self, text: str) -> Any:
        if not self._typed:
            return text
        word = text.casefold()
        if word in _WORDS:
            return _WORDS[word]
        number = None if text.startswith("0") and text != "0" else _int64(text)
        return text if number is None else self._integer(number)

    def _error(self, message: str) -> StrvalsError:
        return StrvalsError(message, self._at)

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


def _int64(text: str) -> int | None:
    """A whole number of 64 bits, or nothing; the text may be of any length."""
    match = _WHOLE.fullmatch(text)
    number = int(match[1] + match[2]) if match else _INT64
    return number if -_INT64 <= number < _INT64 else None


def _set(data: JsonObject, key: str, value: Any) -> None:
    if key:
        data[key] = value
