"""Texts as services take them: metadata in an order to rely on, and nothing longer than allowed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from notification_controller.event import Event

TRUNCATED: Final = "... (truncated)"

SUMMARY: Final = "summary"
_FIRST: Final = (SUMMARY, "revision")
_NAME: Final = 256
_VALUE: Final = 2048
_JOINER: Final = "\u200d"
#: What CommonMark would take for emphasis, and the backslashes that it would leave out.
_EMPHASIS: Final = re.compile(r"\\(?=[!-/:-@\[-`{-~\n])|\*|(?<![^\W_])_|_(?![^\W_])")
_EMPHASIS_OR_LINK: Final = re.compile(rf"{_EMPHASIS.pattern}|\[")
#: Where a backslash keeps a line from being a heading, an item of a list, or what underlines a heading.
_BLOCK: Final = re.compile(
    r"^([ \t]*(?:\d{1,9}(?=[.)](?:[ \t]|$))|(?=[-+](?:[ \t]|$)|#{1,6}(?:[ \t]|$)|(?:-+|=+)[ \t]*$)))",
    re.MULTILINE,
)

Facts = list[tuple[str, str]]


def facts(metadata: Mapping[str, str], first: Iterable[str] = _FIRST) -> Facts:
    """Metadata in the order in which people look for it: the summary, the revision, then by name."""
    leading = [key for key in first if key in metadata]
    return [(key, metadata[key]) for key in (*leading, *sorted(metadata.keys() - set(leading)))]


def filled(found: Facts) -> Facts:
    """Those that say something; some services refuse a whole message for one empty field."""
    return [(name, value) for name, value in found if name.strip() and value.strip()]


def cut(text: str, most: int, size: Callable[[str], int] = len) -> str:
    """The text, or as much of it as fits together with a note that there was more.

    `size` measures as the service does, and grows with the text by at least one for each character, so what
    is far too long is never measured as a whole.
    """
    if len(text) <= most and size(text) <= most:
        return text
    low, high = 0, min(len(text), max(most, 0))
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle] + TRUNCATED) <= most:
            low = middle
        else:
            high = middle - 1
    return text[: _boundary(text, low)] + TRUNCATED


def few(found: Facts, most: int, *, number: int = 1000, name: int = _NAME, value: int = _VALUE) -> Facts:
    """As many of the facts as fit into a number of bytes and are allowed, none of them too long."""
    return _fitting(((cut(key, name), cut(text, value)) for key, text in found[:number]), most)


def escaped(
    event: Event,
    escape: Callable[[str], str],
    most: int,
    *,
    first: Iterable[str] = _FIRST,
    value: int = _VALUE,
) -> Facts:
    """The same of the metadata of an event, for a service that knows some markup.

    Only what the author of the Alert wrote stands there as it was written.
    """

    def short(key: str, text: str) -> tuple[str, str]:
        safe = str if key in event.authored else escape
        return _escaped(key, _NAME, safe), _escaped(text, value, safe)

    return _fitting((short(*fact) for fact in facts(event.metadata, first)), most)


def literal(text: str) -> str:
    """Markdown that shows the text as it is; takes time in proportion to its length, whatever it is."""
    # A bracket begins a link only where an end of one comes after it.
    end = text.rfind("](") + 1
    inline = _EMPHASIS_OR_LINK.sub(r"\\\g<0>", text[:end]) + _EMPHASIS.sub(r"\\\g<0>", text[end:])
    return _BLOCK.sub(r"\1\\", inline)


def without_tags(text: str) -> str:
    """The text with the signs escaped that begin tags, links, mentions and entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def in_bytes(text: str) -> int:
    """The size of a text in UTF-8."""
    return len(text.encode())


def title(text: str) -> str:
    """The text with the first letter of each word in upper case, and all others in lower case."""
    out, inside = [], False
    for char in text:
        out.append(char.lower() if inside else char.upper())
        inside = char.isalnum() or (inside and char in "_'")
    return "".join(out)


def _escaped(text: str, most: int, escape: Callable[[str], str]) -> str:
    """The text, escaped and not longer than allowed after that."""
    return escape(cut(text, most, lambda part: len(escape(part))))


def _fitting(found: Iterable[tuple[str, str]], most: int) -> Facts:
    kept: Facts = []
    for name, value in found:
        most -= in_bytes(name) + in_bytes(value)
        if most < 0:
            break
        kept.append((name, value))
    return kept


def _boundary(text: str, end: int) -> int:
    """The last place up to `end` where a cut takes no mark or joined sign away from what it belongs to."""
    while 0 < end < len(text) and (_continues(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    return end


def _continues(char: str) -> bool:
    return char == _JOINER or unicodedata.category(char) in ("Mn", "Me")
