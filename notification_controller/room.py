"""Bytes that all callers of a server together may have held for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus


class Refused(Exception):
    """The call can't be read; it is answered with the status."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Room:
    """So many bytes for all, and of them so many for one; who wants more is refused with the status."""

    def __init__(self, total: int, most: int, too_much: HTTPStatus) -> None:
        self.left = total
        self.most = most
        self.too_much = too_much

    @contextmanager
    def share(self) -> Iterator[Share]:
        """What one call takes of it, which is given back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()


@dataclass(slots=True)
class Share:
    """What is held for one."""

    room: Room
    taken: int = 0

    def take(self, size: int) -> None:
        """Holds more bytes, or less.

        Raises:
            Refused: that is too much for one or for all.
        """
        size = max(size, -self.taken)
        if self.taken + size > self.room.most:
            raise Refused(self.room.too_much)
        if size > self.room.left:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE)
        self.taken += size
        self.room.left -= size

    def give_back(self) -> None:
        """Holds nothing any more."""
        self.room.left += self.taken
        self.taken = 0
