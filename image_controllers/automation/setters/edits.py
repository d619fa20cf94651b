"""Edits one YAML file: every marked scalar for whose marker there is a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Final, NamedTuple

from image_controllers.automation.setters.markers import KEY, marked
from image_controllers.automation.setters.tokens import replacement
from shared.lang.yaml import Place, Span, YamlError, spans

TOKEN: Final = f'"{KEY}"'.encode()

_SIZE: Final = 16 << 20
_MOST: Final = 10_000


class NotEdited(Exception):
    """A file can't be edited; str() says why, without its text."""


class EditFailed(Exception):
    """A file would not be what it should be after an edit; str() says why, without its text."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """The object that a document is; what it does not say is empty."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One scalar that got another value; `setter` is the text of its marker."""

    old: str
    new: str
    setter: str


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of a file; `content` is the old one where nothing changed.

    `unmatched` are the markers for which there is no value.
    """

    content: bytes
    changes: Mapping[ObjectName, Sequence[Change]] = field(default_factory=dict)
    unmatched: Sequence[str] = ()


def edit(content: bytes, value_of: Callable[[str], str | None]) -> Edited:
    """Writes the values of markers into a file.

    `value_of` gives the value for the text of a marker, or None where there is none.

    Raises:
        NotEdited: the file is no YAML in UTF-8, or has too much in it.
        EditFailed: with the values it would be no YAML, or differ in more.
    """
    if TOKEN not in content:
        return Edited(content)
    if len(content) > _SIZE:
        raise NotEdited(f"the file is longer than {_SIZE} bytes")
    try:
        text = content.decode()
        found = list(islice(marked(text, spans(text)), _MOST + 1))
    except UnicodeDecodeError as error:
        raise NotEdited(f"not valid UTF-8 at byte {error.start}") from None
    except YamlError as error:
        raise NotEdited(str(error)) from None
    if len(found) > _MOST:
        raise NotEdited(f"the file has more than {_MOST} markers")
    wanted: dict[int, _Wanted] = {}
    unmatched: list[str] = []
    for each in found:
        value = value_of(each.marker)
        if value is None:
            unmatched.append(each.marker)
        elif value != each.span.value:
            wanted[each.span.start] = _Wanted(each.span, Change(each.span.value, value, each.marker))
    if not wanted:
        return Edited(content, unmatched=unmatched)
    try:
        edited = _replaced(text, wanted.values())
        changed = edited.encode()
    except ValueError as error:
        raise EditFailed(f"the new values can't be written: {error}") from None
    names = _checked(text, edited, wanted)
    changes: dict[ObjectName, list[Change]] = {}
    for span, change in wanted.values():
        changes.setdefault(names[span.document], []).append(change)
    return Edited(changed, changes, unmatched)


class _Wanted(NamedTuple):
    span: Span
    change: Change


def _replaced(text: str, wanted: Iterable[_Wanted]) -> str:
    parts: list[str] = []
    at = 0
    for span, change in wanted:
        start, end, new = replacement(text, span, change.new)
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


def _checked(text: str, edited: str, wanted: Mapping[int, _Wanted]) -> dict[int, ObjectName]:
    """Makes sure that exactly the wanted scalars have another value; the objects of their documents.

    Both texts are walked side by side, so that a large one is never held as scalars.
    """
    parts: dict[int, dict[tuple[str | int, ...], str]] = {each.span.document: {} for each in wanted.values()}
    try:
        for before, after in zip_longest(spans(text), spans(edited)):
            if before is None or after is None or _expected(before, wanted) != _seen(after):
                raise EditFailed("the edited file would differ in more than the marked values")
            if before.document in parts and before.place is Place.VALUE and before.path in _PARTS:
                parts[before.document].setdefault(before.path, "" if _is_null(before) else before.value)
    except YamlError as error:
        raise EditFailed(f"the edited file would not be valid: {error}") from None
    return {number: ObjectName(*(known.get(path, "") for path in _PARTS)) for number, known in parts.items()}


def _is_null(span: Span) -> bool:
    return not span.style and span.tag is None and span.value in _NULLS


_Seen = tuple[tuple[str | int, ...], str | None, str]


def _seen(span: Span) -> _Seen:
    return span.path, span.anchor, span.value


def _expected(span: Span, wanted: Mapping[int, _Wanted]) -> _Seen:
    edit_ = wanted.get(span.start) if span.token < span.end else None
    return span.path, span.anchor, edit_.change.new if edit_ else span.value


_NULLS: Final = frozenset(("~", "null", "Null", "NULL"))
_PARTS: Final[tuple[tuple[str | int, ...], ...]] = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
)
