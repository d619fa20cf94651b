"""A connection of a caller, as far as it can do harm before there is a call.

Headers become a call only when they are complete, and who never ends them would fill the memory. Invariants:
what a connection sends besides the bodies of its calls (headers, the framing of bodies, what follows them,
calls ahead of answers) is bounded for one and for all together; there are only so many connections, and for
a new one that goes which waits for its caller for the longest time.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler

from notification_controller.room import Refused, Room, Share

LARGEST_HEADERS: Final = 256 * 1024
#: The headers of a call, and as much again that is read before it is known what it is.
_MOST_BESIDES: Final = 2 * LARGEST_HEADERS
_ALL_BESIDES: Final = 64 * _MOST_BESIDES
_MOST_CONNECTIONS: Final = 512


def room_besides() -> Room:
    """Room for what the connections of a server send besides bodies."""
    return Room(_ALL_BESIDES, _MOST_BESIDES, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


class Connection(RequestHandler):
    """A connection of a server; it says 431 where the headers are too large."""

    __slots__ = ("_besides", "_body", "_server", "_turned_away")

    def __init__(self, server: web.Server, room: Room, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._besides = Share(room)
        self._body: StreamReader = EMPTY_PAYLOAD
        self._turned_away = False

    @property
    def waits(self) -> bool:
        """Whether there is no call that is not answered."""
        return not self._messages and not self._request_in_progress

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a caller."""
        others = [each for each in self._server.connections if each.connected]
        if len(others) >= _MOST_CONNECTIONS:
            waiting = next((each for each in others if cast("Connection", each).waits), None)
            if waiting is None:
                cast("asyncio.Transport", transport).abort()
                return
            waiting.force_close()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The caller is gone."""
        self._besides.give_back()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of headers or bodies."""
        if self._turned_away:
            return
        known, waited = self._request_count, self.waits
        body, told = self._body, self._body.total_bytes
        super().data_received(data)
        if self._request_count > known:
            self._body = self._messages[-1][1]
            if waited:
                self._besides.give_back()
                return
        try:
            self._besides.take(len(data) - (body.total_bytes - told))
        except Refused as refused:
            self._turn_away(refused.status)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request that can be read; without a word in the log, or anybody could
        fill it.
        """
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        if isinstance(exc, LineTooLong):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        response = web.Response(status=status)
        response.force_close()
        return response

    def _turn_away(self, status: HTTPStatus) -> None:
        """Reads nothing more. Who is told why has until the end of the time for headers to read it: to hang
        up at once could take the answer away.
        """
        self._turned_away = True
        self._besides.give_back()
        transport = self.transport
        if transport is None:
            return
        if not self.waits or not self._body.is_eof():
            self.force_close()
            return
        line = f"HTTP/1.1 {status.value} {status.phrase}"
        transport.write(f"{line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
        if transport.can_write_eof():
            transport.write_eof()
