"""Where the scalars of a text stand, for edits that leave every other byte alone.

Positions count characters of the text as it was given. Nothing is resolved here: a value is the text of the
scalar after its quotes and escapes, whatever type it would have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

import yaml
from yaml._yaml import CParser

from shared.lang.yaml.errors import YamlError

_BOM: Final = "\ufeff"
_PROPERTY: Final = re.compile(r"(?:&[^\s,\[\]{}]+|!<[^>\s]*>|![^\s,\[\]{}]*)(?=[\s,\[\]{}]|$)")
_BETWEEN: Final = re.compile(r"(?:\s|(?<=\s)#[^\r\n]*)*")
_DEPTH: Final = 250
_MOST: Final = 1_000_000


class Place(StrEnum):
    """What a scalar is to the collection that it stands in."""

    KEY = "key"
    VALUE = "value"
    ITEM = "item"
    ROOT = "root"


class Span(NamedTuple):
    """One scalar: `text[start:end]` with its anchor and tag, `text[token:end]` without.

    A block scalar begins with its indicator and ends with its body. A plain scalar that is empty has no
    token: `token == end`. `style` is the sign that the scalar begins with, empty for plain ones. `path` are
    the keys and numbers that lead to it.
    """

    value: str
    start: int
    token: int
    end: int
    style: str
    tag: str | None
    anchor: str | None
    place: Place
    flow: bool
    document: int
    path: tuple[str | int, ...]


@dataclass(slots=True)
class _Frame:
    """A collection that is open."""

    mapping: bool
    flow: bool
    path: tuple[str | int, ...]
    #: The key whose value comes next; None where a key comes next. Of a sequence: the number of the item.
    at: str | int | None = None
    #: A key that is a collection or an alias is waiting for its value.
    keyed: bool = field(default=False)


def spans(text: str) -> Iterator[Span]:
    """All scalars of a text, in their order; what was given is not kept, however many there are.

    Raises:
        YamlError: the text is no YAML, is nested too deeply, or has too many values.
    """
    skipped = len(_BOM) if text.startswith(_BOM) else 0
    try:
        yield from _walk(text, CParser(text[skipped:]), skipped)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        problem = " ".join(filter(None, (error.problem, error.context)))
        raise YamlError(problem, line=line, column=mark.column + 1 if mark else 0) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(str(error.reason)) from None
    except UnicodeEncodeError:
        raise YamlError("the text holds a lone surrogate") from None


def _walk(text: str, parser: Any, skipped: int) -> Iterator[Span]:
    document = nodes = 0
    stack: list[_Frame] = []
    while type(event := parser.get_event()) is not yaml.StreamEndEvent:
        kind = type(event)
        if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            stack.pop()
            _step(stack, None)
            continue
        nodes += 1
        if nodes > _MOST:
            raise YamlError(f"more than {_MOST} values", document=document)
        if kind is yaml.DocumentStartEvent:
            document += 1
        elif kind is yaml.ScalarEvent:
            yield _span(text, event, stack, document, skipped)
            _step(stack, event.value)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if len(stack) >= _DEPTH:
                raise YamlError(f"nested deeper than {_DEPTH} levels", document=document)
            mapping = kind is yaml.MappingStartEvent
            stack.append(_Frame(mapping, bool(event.flow_style), _path(stack), None if mapping else 0))
        elif kind is yaml.AliasEvent:
            _step(stack, None)


def _step(stack: list[_Frame], key: str | None) -> None:
    """One node of the innermost collection is over; `key` is its text if it was a scalar."""
    if not stack:
        return
    frame = stack[-1]
    if not frame.mapping:
        frame.at = int(frame.at or 0) + 1
    elif frame.keyed:
        frame.at, frame.keyed = None, False
    else:
        frame.at, frame.keyed = key or "", True


def _span(text: str, event: Any, stack: list[_Frame], document: int, skipped: int) -> Span:
    start, end = event.start_mark.index + skipped, event.end_mark.index + skipped
    frame = stack[-1] if stack else None
    return Span(
        event.value,
        start,
        _token(text, start, end) if event.tag is not None or event.anchor is not None else start,
        end,
        event.style or "",
        event.tag,
        event.anchor,
        _place(frame),
        frame is not None and frame.flow,
        document,
        _path(stack),
    )


def _path(stack: list[_Frame]) -> tuple[str | int, ...]:
    """What leads to the next node."""
    if not stack:
        return ()
    at = stack[-1].at
    return (*stack[-1].path, "" if at is None else at)


def _place(frame: _Frame | None) -> Place:
    if frame is None:
        return Place.ROOT
    if not frame.mapping:
        return Place.ITEM
    return Place.VALUE if frame.keyed else Place.KEY


def _token(text: str, start: int, end: int) -> int:
    """Where the scalar itself begins, after its anchor and its tag."""
    at = start
    while at < end and (found := _PROPERTY.match(text, at, end)):
        at = found.end()
        between = _BETWEEN.match(text, at, end)
        at = between.end() if between else at
    return at
