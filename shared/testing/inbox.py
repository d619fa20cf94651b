"""A web server on loopback that keeps what it is sent, and answers as it is told: late, badly, never."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Final

from aiohttp import web

from shared.lang.json import loads
from shared.testing.loopback import LoopbackServer

_LARGEST: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came in."""

    method: str
    target: str
    """Path and query, as they were sent."""
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes
    client: str = ""
    """Common name of the client certificate."""

    @property
    def json(self) -> Any:
        """The body as a JSON value."""
        return loads(self.body)


class Rest(StrEnum):
    """What becomes of the rest of a body that was announced as longer than it is."""

    CUT = "cut"
    """The connection ends."""
    LATE = "late"
    """It is still to come when the server stops."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered, `after` so many seconds; None in place of a status means never."""

    status: int | None = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    rest: Rest | None = None


@dataclass
class Inbox(LoopbackServer):
    """Replies in the order of `replies`, and when there are no more, with `reply`."""

    tls: ssl.SSLContext | None = None
    replies: list[Reply] = field(default_factory=list)
    reply: Reply = field(default_factory=Reply)
    received: list[Received] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    """Addresses of all clients; each connection has its own."""
    port: int = 0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The address, without a path."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def application(self) -> web.Application:
        """What is served."""
        application = web.Application(client_max_size=_LARGEST)
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; who was never answered is let go."""
        self._stopping.set()
        await super().__aexit__(kind, error, trace)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        peer = transport.get_extra_info("peername") if transport else ("", 0)
        self.connections.add(tuple(peer[:2]))
        certificate = transport.get_extra_info("peercert") if transport else None
        self.received.append(
            Received(
                request.method,
                request.raw_path,
                {name.lower(): value for name, value in request.headers.items()},
                await request.read(),
                _common_name(certificate),
            )
        )
        reply = self.replies.pop(0) if self.replies else self.reply
        if reply.status is None:
            await self._stopping.wait()
            return web.Response(status=503)
        if reply.after:
            await asyncio.sleep(reply.after)
        if reply.rest:
            return await self._begin(request, reply)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    async def _begin(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status or 200, headers=reply.headers)
        response.content_length = len(reply.body) + 1
        await response.prepare(request)
        await response.write(reply.body)
        if reply.rest is Rest.LATE:
            await self._stopping.wait()
        if request.transport is not None:
            request.transport.close()
        return response


def _common_name(certificate: dict[str, Any] | None) -> str:
    parts = [pair for part in (certificate or {}).get("subject", ()) for pair in part]
    return str(dict(parts).get("commonName", ""))
