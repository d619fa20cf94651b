"""From YAML text to JSON values: the events of libyaml, our own composition.

The C parser delivers events; what they mean is decided here, so no rule of PyYAML's loaders applies. The
composition keeps a stack of its own, so that depth is a limit and not a crash. An alias becomes a copy,
because two places of one object must never share a mutable value; copies count against a budget, which is
what stops texts that grow a thousandfold.
"""

import base64
import binascii
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import yaml
from yaml._yaml import CParser

from shared.lang.yaml.errors import YamlError
from shared.lang.yaml.scalars import (
    GO_WORDS,
    MERGE_KEY,
    YAML11_WORDS,
    is_timestamp,
    resolve,
    scalar_text,
)

_TAG: Final = "tag:yaml.org,2002:"
_NO_KEY: Final = object()
_Words = dict[str, bool | float | None]


class Quirk(StrEnum):
    """Something about a document's notation that its JSON value no longer shows."""

    ANCHOR = "anchor"
    MERGE = "merge key"
    TAG = "explicit tag"
    TIMESTAMP = "timestamp"
    KEY = "key that is not a string"
    NULL_ITEM = "null list item"
    NUL = "NUL character"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a text may ask for: bytes, levels of nesting, values made by aliases."""

    size: int = 64 << 20
    depth: int = 250  # one less than what can be written as JSON
    expansion: int = 200_000


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream; `line` counts from 1 and is where it starts."""

    value: Any
    line: int
    quirks: frozenset[Quirk]


def documents(text: str | bytes, limits: Limits = Limits()) -> Iterator[Document]:
    """Read the documents of a manifest one by one; an empty document has the value None."""
    return _Reader(text, limits, GO_WORDS, unique_keys=True).documents()


def load_all(text: str | bytes, limits: Limits = Limits()) -> list[Any]:
    """Read all documents of a manifest; an empty document is None."""
    return [document.value for document in documents(text, limits)]


def load(text: str | bytes, limits: Limits = Limits()) -> Any:
    """Read a manifest of one document; an empty text is None, a second document an error."""
    values = load_all(text, limits)
    if len(values) > 1:
        raise YamlError("a single document is needed here, found another one", document=2)
    return values[0] if values else None


def load_all_yaml11(text: str | bytes, limits: Limits = Limits()) -> list[Any]:
    """Read all documents of a YAML 1.1 text: `yes` and `on` are booleans, the last of equal keys wins."""
    return [document.value for document in _Reader(text, limits, YAML11_WORDS, unique_keys=False).documents()]


def load_yaml11(text: str | bytes, limits: Limits = Limits(), *, unique_keys: bool = False) -> Any:
    """Read the first document, None where it is empty; like Go's, the reader does not look any further.

    With `unique_keys` a duplicate of a key is an error.
    """
    first = next(_Reader(text, limits, YAML11_WORDS, unique_keys=unique_keys).documents(), None)
    return first.value if first else None


@dataclass(slots=True)
class _Anchored:
    value: Any
    size: int
    depth: int


@dataclass(slots=True)
class _Frame:
    """A collection that is still open."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    key: Any = _NO_KEY
    merges: list[Any] = field(default_factory=list)


_MERGE: Final = object()


class _Reader:
    """One pass over one text."""

    def __init__(self, text: str | bytes, limits: Limits, words: _Words, *, unique_keys: bool) -> None:
        self.text = text
        self.limits = limits
        self.words = words
        self.unique_keys = unique_keys
        self.budget = limits.expansion
        self.number = 0
        self.anchors: dict[str, _Anchored] = {}
        self.open_anchors: set[str] = set()
        self.quirks: set[Quirk] = set()

    def documents(self) -> Iterator[Document]:
        """Compose one document after the other."""
        if len(self.text) > self.limits.size:
            raise YamlError(f"the text is longer than {self.limits.size} bytes")
        try:
            parser: Any = CParser(self.text)
            while type(event := parser.get_event()) is not yaml.StreamEndEvent:
                if type(event) is yaml.DocumentStartEvent:
                    self.number += 1
                    self.anchors, self.open_anchors, self.quirks = {}, set(), set()
                    mark: Any = event.start_mark
                    value = self.compose(parser)
                    parser.get_event()  # the end of the document, before which anything else is an error
                    yield Document(value, mark.line + 1, frozenset(self.quirks))
        except yaml.MarkedYAMLError as error:
            problem = " ".join(filter(None, (error.problem, error.context)))
            raise self.error(problem, error.problem_mark or error.context_mark) from None
        except yaml.reader.ReaderError as error:
            data = self.text if isinstance(self.text, bytes) else self.text.encode()
            line = data.count(b"\n", 0, error.position) + 1
            raise YamlError(str(error.reason), document=self.number or 1, line=line, column=1) from None
        except UnicodeEncodeError:
            raise YamlError("the text holds a lone surrogate", document=self.number or 1) from None

    def compose(self, parser: Any) -> Any:
        """Build the value of the document that has just started."""
        stack: list[_Frame] = []
        next_event = parser.get_event
        while True:
            event = next_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                frame = stack[-1] if stack else None
                if frame and frame.key is _NO_KEY and type(frame.value) is dict:
                    frame.key = self.key(event, frame.value)
                    continue
                value = self.scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self.start(event, stack)
                continue
            elif kind is yaml.AliasEvent:
                value = self.alias(event, stack)
            else:
                frame = stack.pop()
                value = self.close(frame)
            if not stack:
                return value
            self.add(stack[-1], value, event)

    def start(self, event: Any, stack: list[_Frame]) -> None:
        if stack:
            self.refuse_collection_key(stack[-1], event)
        if len(stack) >= self.limits.depth:
            raise self.error(f"nested deeper than {self.limits.depth} levels", event.start_mark)
        if event.tag is not None:
            self.quirks.add(Quirk.TAG)
        if event.anchor is not None:
            self.quirks.add(Quirk.ANCHOR)
            self.open_anchors.add(event.anchor)
        stack.append(_Frame({} if type(event) is yaml.MappingStartEvent else [], event.anchor))

    def add(self, frame: _Frame, value: Any, event: Any) -> None:
        if type(frame.value) is list:
            frame.value.append(value)
            if value is None:
                self.quirks.add(Quirk.NULL_ITEM)
            return
        if frame.key is _NO_KEY:
            raise self.error("a mapping key must be a plain value, not an alias", event.start_mark)
        if frame.key is _MERGE:
            self.merge(frame, value, event)
        else:
            frame.value[frame.key] = value
        frame.key = _NO_KEY

    def close(self, frame: _Frame) -> Any:
        if frame.merges:
            merged = frame.value
            for source in frame.merges:
                for key, value in source.items():
                    if key not in merged:
                        merged[key] = value
        if frame.anchor is not None:
            self.open_anchors.discard(frame.anchor)
            size, depth = _measure(frame.value)
            self.anchors[frame.anchor] = _Anchored(frame.value, size, depth)
        return frame.value

    def merge(self, frame: _Frame, value: Any, event: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise self.error("a merge key takes a mapping or a list of mappings", event.start_mark)
        self.quirks.add(Quirk.MERGE)
        frame.merges.extend(sources)

    def alias(self, event: Any, stack: list[_Frame]) -> Any:
        if stack:
            self.refuse_collection_key(stack[-1], event)
        if event.anchor in self.open_anchors:
            raise self.error("an alias refers to a value that contains it", event.start_mark)
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            raise self.error("an alias refers to an anchor that is not defined above", event.start_mark)
        self.budget -= anchored.size
        if self.budget < 0:
            raise self.error(f"aliases expand to more than {self.limits.expansion} values", event.start_mark)
        if len(stack) + anchored.depth > self.limits.depth:
            raise self.error(f"nested deeper than {self.limits.depth} levels", event.start_mark)
        return _copy(anchored.value)

    def refuse_collection_key(self, frame: _Frame, event: Any) -> None:
        if frame.key is _NO_KEY and type(frame.value) is dict:
            raise self.error("a mapping key must be a plain value", event.start_mark)

    def key(self, event: Any, mapping: dict[str, Any]) -> Any:
        if event.value == MERGE_KEY and (event.implicit[0] or event.tag == f"{_TAG}merge"):
            return _MERGE
        value = self.scalar(event)
        if type(value) is not str:
            self.quirks.add(Quirk.KEY)
            value = self.key_text(value, event)
        if self.unique_keys and value in mapping:
            raise self.error("the same key appears twice in one mapping", event.start_mark)
        return sys.intern(value)

    def key_text(self, value: Any, event: Any) -> str:
        if value is None:
            raise self.error("a mapping key is null", event.start_mark)
        return scalar_text(value)

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.tag is not None:
            self.quirks.add(Quirk.TAG)
            value = self.tagged(event.tag, text, event)
        elif event.implicit[0]:
            value = resolve(text, self.words)
            if type(value) is str:
                if value[4:5] == "-" and is_timestamp(value):
                    self.quirks.add(Quirk.TIMESTAMP)
            elif type(value) is float and not math.isfinite(value):
                raise self.error("a number that is not finite has no place in JSON", event.start_mark)
        else:
            value = text
            if "\0" in text:
                self.quirks.add(Quirk.NUL)
        if event.anchor is not None:
            self.quirks.add(Quirk.ANCHOR)
            self.anchors[event.anchor] = _Anchored(value, 1, 0)
        return value

    def tagged(self, tag: str, text: str, event: Any) -> Any:
        name = tag.removeprefix(_TAG) if tag.startswith(_TAG) else ""
        if name == "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise self.error("a !!binary value is not base64 of UTF-8 text", event.start_mark) from None
        allowed = _TAGGED.get(name)
        if allowed is None:
            return text
        value = resolve(text, self.words)
        if type(value) not in allowed or (type(value) is float and not math.isfinite(value)):
            raise self.error(f"the value does not fit its tag !!{name}", event.start_mark)
        return value

    def error(self, problem: str, mark: Any) -> YamlError:
        if mark is None:
            return YamlError(problem, document=self.number or 1)
        return YamlError(problem, document=self.number or 1, line=mark.line + 1, column=mark.column + 1)


_TAGGED: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}


def _copy(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) is list:
        return [_copy(item) for item in value]
    return value


def _measure(value: Any) -> tuple[int, int]:
    """How many values there are in a value, and how many levels."""
    items = value.values() if type(value) is dict else value if type(value) is list else None
    if items is None:
        return 1, 0
    size, depth = 1, 0
    for item in items:
        inner_size, inner_depth = _measure(item)
        size += inner_size
        depth = max(depth, inner_depth)
    return size, depth + 1
