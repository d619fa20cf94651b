"""The line protocol of a watch: bytes in, events out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from shared.kube.errors import Unreachable, from_status
from shared.lang.json import JsonError, JsonObject
from shared.lang.nesting import loads_cut

#: Longer than any object that a server stores.
_LONGEST_LINE: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event: ADDED, MODIFIED, DELETED or BOOKMARK, and the object."""

    type: str
    object: JsonObject


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[WatchEvent]:
    """Decodes a watch's body as it arrives; an ERROR event is raised as the error it stands for.

    Lines may be long and may be cut anywhere between chunks.
    """
    splitter = LineSplitter()
    async for chunk in chunks:
        for line in splitter.feed(chunk):
            event = _decode(line)
            if event.type == "ERROR":
                raise from_status(event.object)
            yield event


def _decode(line: bytes) -> WatchEvent:
    try:
        event = loads_cut(line)
    except JsonError:
        event = None
    match event:
        case {"type": str(type_), "object": dict()}:
            return WatchEvent(type_, event["object"])
    raise Unreachable("the watch sent something that is no event; is there a proxy in between?")


class LineSplitter:
    """Cuts a byte stream into lines without copying what came before again and again."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Gives the lines that the chunk completes, without blank ones."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            whole = b"".join((*self._parts, line)) if self._parts else line
            self._parts.clear()
            self._size = 0
            if whole.strip():
                yield whole
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > _LONGEST_LINE:
                raise Unreachable(f"the watch sent an event of more than {_LONGEST_LINE >> 20} MiB")
