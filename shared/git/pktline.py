"""The frames that Git speaks in: four hex digits of length, then the payload; three lengths are signals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from enum import Enum
from typing import Final, Protocol

from shared.git.errors import RemoteError

_LONGEST: Final = 65520


class Stream(Protocol):
    """Bytes as they come."""

    async def readexactly(self, n: int, /) -> bytes:
        """So many bytes, or `asyncio.IncompleteReadError`."""


class Signal(Enum):
    """A frame without payload."""

    FLUSH = 0
    DELIMITER = 1
    END = 2


def encode(frames: Iterable[str | Signal]) -> bytes:
    """Frames as they go over the wire; every text is one line."""
    return b"".join(
        b"%04x" % frame.value if isinstance(frame, Signal) else _encode_line(frame) for frame in frames
    )


def _encode_line(line: str) -> bytes:
    payload = line.encode() + b"\n"
    if len(payload) + 4 > _LONGEST:
        raise ValueError("the line is too long for one frame")
    return b"%04x" % (len(payload) + 4) + payload


async def frames(stream: Stream) -> AsyncIterator[bytes | Signal]:
    """Read frames until the stream ends; a line loses its line break.

    Raises:
        RemoteError: the stream isn't made of frames, or breaks off, or has an error to tell.
    """
    while True:
        try:
            head = await stream.readexactly(4)
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                return
            raise RemoteError("the answer of the remote breaks off") from None
        try:
            length = int(head, 16)
            payload = await stream.readexactly(length - 4) if length > 4 else b""
        except (ValueError, asyncio.IncompleteReadError):
            raise RemoteError("the answer of the remote is not in the format of git") from None
        if length in (0, 1, 2):
            yield Signal(length)
            continue
        if payload.startswith(b"ERR "):
            raise RemoteError(f"the remote says: {_printable(payload[4:])}")
        yield payload.removesuffix(b"\n")


def _printable(text: bytes) -> str:
    return " ".join(text[:300].decode(errors="replace").split())
