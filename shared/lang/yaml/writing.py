"""From JSON values to the canonical YAML text of Kubernetes tools.

Bytes matter here: digests of build results are made from this text, and variables are expanded in it.
libyaml's emitter is the one that Go's library was ported from, so it does the layout; this module decides
what it leaves open: the order of keys, which strings need quotes, and how numbers look.
"""

import io
from collections.abc import Callable, Iterable
from functools import cmp_to_key
from typing import Any

import yaml
from yaml._yaml import CEmitter

from shared.lang.yaml.scalars import MERGE_KEY, format_float, needs_quotes

_SEPARATOR = "---\n"
_IMPLICIT = (True, True)


def dump(value: Any, *, in_order: bool = False) -> str:
    """Write one JSON value as a YAML document; its keys are sorted unless they are wanted in their order.

    In their order it is a text for digests: `<<` then is a string like others, as for version 2 of go-yaml.
    """
    stream = io.StringIO()
    # The stream is never closed: the end of a document flushes, and the end of the stream could add a marker.
    _Writer(stream, in_order=in_order).document(value)
    return stream.getvalue()


def dump_all(values: Iterable[Any]) -> str:
    """Write several JSON values, with a separator between them."""
    return _SEPARATOR.join(map(dump, values))


class _Writer:
    """Feeds the emitter with the events of one document."""

    def __init__(self, stream: io.StringIO, *, in_order: bool) -> None:
        self._merges = not in_order
        self.order: Callable[[Iterable[str]], Iterable[str]] = list if in_order else sort_keys
        emitter: Any = CEmitter(stream, allow_unicode=True, width=80)
        self.emit = emitter.emit

    def document(self, value: Any) -> None:
        self.emit(yaml.StreamStartEvent())
        self.emit(yaml.DocumentStartEvent(explicit=False))
        self.value(value)
        self.emit(yaml.DocumentEndEvent(explicit=False))

    def value(self, value: Any) -> None:
        if isinstance(value, dict):
            self.emit(yaml.MappingStartEvent(None, None, implicit=True, flow_style=False))
            for key in self.order(value):
                self.text(key)
                self.value(value[key])
            self.emit(yaml.MappingEndEvent())
        elif isinstance(value, (list, tuple)):
            self.emit(yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False))
            for item in value:
                self.value(item)
            self.emit(yaml.SequenceEndEvent())
        elif isinstance(value, str):
            self.text(value)
        else:
            self.plain(_plain_text(value))

    def text(self, text: str) -> None:
        if "\n" in text:
            self.emit(yaml.ScalarEvent(None, None, _IMPLICIT, text, style="|"))
        elif needs_quotes(text) and (self._merges or text != MERGE_KEY):
            self.emit(yaml.ScalarEvent(None, None, _IMPLICIT, text, style='"'))
        else:
            self.plain(text)

    def plain(self, text: str) -> None:
        self.emit(yaml.ScalarEvent(None, None, _IMPLICIT, text))


def sort_keys(keys: Iterable[str]) -> list[str]:
    """Sort keys like Go's library: letters after everything else, runs of digits by their number."""
    ordered = sorted(keys)
    if all(key.isalpha() for key in ordered):
        return ordered
    return sorted(ordered, key=cmp_to_key(_compare))


def _compare(left: str, right: str) -> int:
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            continue
        if a.isalpha() or b.isalpha():
            return _order(a, b) if a.isalpha() and b.isalpha() else 1 if a.isalpha() else -1
        return _compare_numbers(left, right, at) or _order(a, b)
    return len(left) - len(right)


def _compare_numbers(left: str, right: str, at: int) -> int:
    prefix = ""
    if "0" in {left[at], right[at]}:
        # A zero only counts when a number has begun before it.
        start = at
        while start and left[start - 1].isdecimal():
            start -= 1
        prefix = "1" if left[start:at].strip("0") else ""
    a, b = _digits(left, at), _digits(right, at)
    number = int(prefix + a or "0") if a or prefix else 0
    other = int(prefix + b or "0") if b or prefix else 0
    return _order(number, other) or len(a) - len(b)


def _digits(text: str, start: int) -> str:
    end = start
    while end < len(text) and text[end].isdecimal():
        end += 1
    return text[start:end]


def _order(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def _plain_text(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return format_float(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")
