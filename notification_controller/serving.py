"""The HTTP server that takes events and webhooks: it reads a call within limits, and gives it to a handler.

Invariants: a call is at most 256 KiB of headers, told within 10 s, and 3 MiB of body, complete within 30 s;
no handler ever sees more. All bodies of a server together are at most 96 MiB: anybody may call for webhooks,
and who comes on top of that is asked to come back. Whom no body could help is answered without it. The path
is told as it was sent. What a handler raises by mistake is its log line and a 500, and costs no other call
anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from aiohttp import web

from notification_controller.connection import LARGEST_HEADERS, Connection, room_besides
from notification_controller.room import Refused, Room, Share
from shared.observe.clock import Clock
from shared.observe.metrics import Serving

LARGEST_BODY: Final = 3 * 1024 * 1024
_ALL_BODIES: Final = 32 * LARGEST_BODY
_MOST_HEADERS: Final = 2048
_HEADER_SECONDS: Final = 10.0
_BODY_SECONDS: Final = 30.0
#: From a stop on: for bodies that are not complete, for all calls, and for those that don't end even then.
_REST_OF_BODY_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 5.0
_CUT_SECONDS: Final = 0.25
_SILENT: Final = logging.getLogger("headrace.access")
_SILENT.disabled = True
_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `target` is its path with the query, as it was sent. Names of headers ignore case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def _nobody(method: str, target: str) -> Answer | None:
    """Turns nobody away."""
    del method, target
    return None


class IntakeServer:
    """Listens on one address. `name` goes into logs, `handler` into metrics in place of the path.

    `turn_away` has the answers to calls that need no body for it, by their method and target.
    """

    def __init__(
        self,
        name: str,
        take: Callable[[Call], Awaitable[Answer]],
        address: tuple[str | None, int],
        serving: Serving,
        clock: Clock,
        *,
        handler: str,
        turn_away: Callable[[str, str], Answer | None] = _nobody,
        tell_paths: bool = False,
    ) -> None:
        self._take = take
        self._address = address
        self._serving = serving
        self._clock = clock
        self._handler = handler
        self._turn_away = turn_away
        self._tell_paths = tell_paths
        self._bodies = Room(_ALL_BODIES, LARGEST_BODY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self._log = structlog.get_logger(name).bind(logger=name)
        self._web: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._stopping = False
        self._calls: set[asyncio.Task[Any]] = set()
        #: The time limits of bodies that are being read.
        self._reading: set[asyncio.Timeout] = set()

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        sockets = self._listener.sockets if self._listener else ()
        return int(sockets[0].getsockname()[1]) if sockets else self._address[1]

    async def start(self) -> None:
        """Listens; raises OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        server, room = web.Server(self._handle), room_besides()
        self._web = server

        def connection() -> Connection:
            return Connection(
                server,
                room,
                loop=loop,
                access_log=_SILENT,
                auto_decompress=False,
                # Until the next header is complete, from the beginning of the connection on.
                keepalive_timeout=_HEADER_SECONDS,
                max_line_size=LARGEST_HEADERS,
                max_field_size=LARGEST_HEADERS,
                max_headers=_MOST_HEADERS,
            )

        self._listener = await loop.create_server(connection, *self._address, reuse_address=True)

    async def stop(self) -> None:
        """Takes no more calls; those that are open have five seconds to end, but soon have to be complete."""
        if self._listener is None or self._web is None:
            return
        self._listener.close()
        self._stopping = True
        for connection in self._web.connections:
            if cast("Connection", connection).waits:
                connection.close()
        soon = asyncio.get_running_loop().time() + _REST_OF_BODY_SECONDS
        for limit in self._reading:
            limit.reschedule(soon)
        if self._calls:
            await asyncio.wait(self._calls, timeout=_STOP_SECONDS)
        await self._web.shutdown(_CUT_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        labels = (
            request.raw_path if self._tell_paths else self._handler,
            request.method if request.method in _METHODS else "other",
        )
        started = self._clock.monotonic()
        self._note(asyncio.current_task())
        with self._serving.open(labels[0]):
            answer, last = await self._answer(request)
        self._serving.note(*labels, answer.status, self._clock.monotonic() - started, len(answer.body))
        response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        if last or self._stopping:
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest) -> tuple[Answer, bool]:
        """The answer, and whether it is the last one on its connection."""
        with self._bodies.share() as share:
            try:
                _check_headers(request)
                body = _complete(request, share)
                if body is None:
                    answer = self._turn_away(request.method, request.raw_path)
                    if answer is not None:
                        return answer, False
                    body = await self._read(request, share)
                call = Call(request.method, request.raw_path, request.headers, body)
            except Refused as refused:
                return Answer(refused.status), True
            try:
                return await self._take(call), False
            except Exception as error:  # noqa: BLE001 - the outermost frame of a call: no other may suffer
                self._log.exception("unexpected error", error=str(error))
                return Answer(HTTPStatus.INTERNAL_SERVER_ERROR), True

    async def _read(self, request: web.BaseRequest, share: Share) -> bytes:
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # Only the answer counts as output.
            request.writer.output_size = 0
        try:
            async with self._in_time():
                return await _body(request, share)
        except TimeoutError:
            if request.transport is not None:
                request.transport.close()
            raise Refused(HTTPStatus.REQUEST_TIMEOUT) from None
        except (web.RequestPayloadError, ConnectionError):
            raise Refused(HTTPStatus.BAD_REQUEST) from None

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """The time for a body, which a stop shortens."""
        seconds = _REST_OF_BODY_SECONDS if self._stopping else _BODY_SECONDS
        async with asyncio.timeout(seconds) as limit:
            self._reading.add(limit)
            try:
                yield
            finally:
                self._reading.discard(limit)

    def _note(self, call: asyncio.Task[Any] | None) -> None:
        """Remembers a call until it is answered."""
        if call is not None:
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)


def _check_headers(request: web.BaseRequest) -> None:
    size = len(request.raw_path)
    for name, value in request.raw_headers:
        size += len(name) + len(value) + 4
    if size > LARGEST_HEADERS:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    if (request.content_length or 0) > LARGEST_BODY:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _complete(request: web.BaseRequest, share: Share) -> bytes | None:
    """The body if all of it has come with the headers, as that of most calls; then nobody has to wait."""
    content = request.content
    if not content.is_eof() or content.exception() is not None:
        return None
    body = content.read_nowait()
    share.take(len(body))
    return body


async def _body(request: web.BaseRequest, share: Share) -> bytes:
    parts: list[bytes] = []
    async for part in request.content.iter_any():
        share.take(len(part))
        parts.append(part)
    return b"".join(parts)
