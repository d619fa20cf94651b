"""Which scalars of a text are marked by a comment, and with what.

A marker is a comment that holds one JSON object of texts with the key `$imagepolicy`. It marks the value that
ends on its line, or, alone on a line, the item of a list or the value right below it.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.lang.json import JsonError, loads_object
from shared.lang.yaml import Place, Span

KEY: Final = "$imagepolicy"

_BREAK: Final = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_HASH: Final = r"(#[^\r\n\x85\u2028\u2029]*)"
#: What follows a scalar, by whether it is quoted and whether it is in a flow collection.
_AFTER: Final = {
    (False, False): re.compile(rf"[ \t]+{_HASH}"),
    (False, True): re.compile(rf"[ \t]*(?:,[ \t]*)?(?<=[ \t,]){_HASH}"),
    (True, False): re.compile(rf"[ \t]*{_HASH}"),
    (True, True): re.compile(rf"[ \t]*(?:,[ \t]*)?{_HASH}"),
}
_AFTER_HEADER: Final = re.compile(rf"[|>][-+0-9]*[ \t]*{_HASH}")
_AMID_PROPERTIES: Final = re.compile(rf"(?<=\s){_HASH}")
_ONLY_DASH: Final = re.compile(r"[ \t]*-(?:[ \t]*|[ \t]+(#.*))")
_DASH: Final = re.compile(r"([ \t]*)-[ \t]+")
_FAR: Final = 1 << 16
_MARKED: Final = frozenset({Place.VALUE, Place.ITEM})


@dataclass(frozen=True, slots=True)
class Marked:
    """A scalar, and the text of its marker: `<namespace>:<policy>[:<field>]`."""

    span: Span
    marker: str


def marked(text: str, spans: Iterable[Span]) -> Iterator[Marked]:
    """The marked scalars of a text, in their order; `spans` are all scalars of it."""
    keys = array("L", (found.start() for found in re.finditer(re.escape(KEY), text)))
    before: Span | None = None
    for span in spans:
        if span.place in _MARKED and span.token < span.end:
            comment = _own(text, span)
            if comment is None and _is_between(keys, before.end if before else 0, span.token):
                comment = _above(text, span, before)
            marker = marker_of(comment) if comment else None
            if marker is not None:
                yield Marked(span, marker)
        before = span


def _is_between(positions: array[int], start: int, end: int) -> bool:
    at = bisect_left(positions, start)
    return at < len(positions) and positions[at] < end


def marker_of(comment: str) -> str | None:
    """What a comment marks with; None if it is no marker."""
    body = comment.lstrip("#").strip()
    if not body.startswith("{") or KEY not in body:
        return None
    try:
        found = loads_object(body)
    except JsonError:
        return None
    if not all(isinstance(value, str) for value in found.values()):
        return None
    marker = found.get(KEY)
    return marker if isinstance(marker, str) else None


def _own(text: str, span: Span) -> str | None:
    """The comment on the line where the scalar ends; block scalars have it on the line of their indicator.

    It may stand between an anchor or a tag and the scalar instead; several of them are none that marks.
    """
    if span.style in {"|", ">"}:
        found = _AFTER_HEADER.match(text, span.token)
    else:
        found = _AFTER[bool(span.style), span.flow].match(text, span.end)
    comments = _AMID_PROPERTIES.findall(text, span.start, span.token)
    comments += [found[1]] if found else []
    return "\n".join(comments) if comments else None


def _above(text: str, span: Span, before: Span | None) -> str | None:
    """The only comment between the scalar before and an item or a value below it.

    One after an item that is a collection belongs to that, unless it is indented as the next item is.
    """
    past = before.end if before else 0
    if span.start - past > _FAR:
        return None
    *lines, lead = _BREAK.split(text[past : span.start])
    if not past or _BREAK.fullmatch(text, past - 1, past):
        lines.insert(0, "")
    block_item = span.place is Place.ITEM and not span.flow
    alone = not lead.strip()
    dash = _DASH.fullmatch(lead) if block_item else None
    if not lines or not (alone or dash):
        return None
    if alone and block_item:  # its dash is further above
        lines = [found[1] or "#" if (found := _ONLY_DASH.fullmatch(line)) else line for line in lines]
    opens = span.place is Place.VALUE or (block_item and not span.path[-1])
    comments = _belonging(lines, opens=opens)
    if len(comments) != 1:
        return None
    after_collection = before and len(before.path) > len(span.path) and not before.flow
    if dash and after_collection and not comments[0].startswith(dash[1] + "#"):
        return None
    return comments[0].strip()


def _belonging(lines: Sequence[str], *, opens: bool) -> list[str]:
    """The comments above a scalar that belong to it; the first of the lines is the end of what came before.

    One right below what came before, and with a blank line after it, belongs to that, unless a collection
    opens there.
    """
    stripped = [line.strip() for line in lines]
    last = max(number for number, line in enumerate(stripped) if not number or (line and line[0] != "#"))
    below = stripped[last + 1 :]
    foot = below.index("") if not opens and below and below[0] and "" in below else 0
    return [line for line in lines[last + 1 + foot :] if line.strip(" \t#")]
