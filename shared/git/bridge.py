"""A way for libgit2 to reach a remote although it only ever talks to loopback.

libgit2 has one trust store per process, no client certificates and no cancelling. So it is given an address
on 127.0.0.1 with an unguessable path, valid for one fetch or push; everything is passed on to the real
remote by our own client, both ways as it comes. Closing the bridge cuts the connections, which ends the
thread that waits in libgit2. What the remote refused is kept in `error`: libgit2 itself only sees a failed
request.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web

from shared.git.errors import GitError
from shared.git.http import SERVICE, Endpoint, media_type

_LONGEST_QUESTION: Final = 64 << 20
_PATIENCE_SECONDS: Final = 1
"""How long a request may take to notice that it was cut; 0 would mean for ever."""
_NO_CACHE: Final = {"Cache-Control": "no-cache"}


class HttpBridge:
    """One open bridge."""

    def __init__(self, endpoint: Endpoint, service: str) -> None:
        """See `open_bridge`."""
        self._endpoint = endpoint
        self._service = service
        self._path = secrets.token_urlsafe(32)
        self._transports: set[asyncio.Transport] = set()
        self._runner: web.AppRunner | None = None
        self.url = ""
        self.error: GitError | None = None
        """Why the remote didn't answer, if it didn't."""
        self.received = 0
        """Bytes of all answers of the remote."""
        self._closed = False

    async def open(self) -> None:
        """Listen."""
        application = web.Application(client_max_size=_LONGEST_QUESTION)
        application.router.add_get(f"/{self._path}/info/refs", self._advertisement)
        application.router.add_post(f"/{self._path}/{self._service}", self._exchange)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handler_cancellation=True,  # who waits for the remote ends with its connection, see `cut`
            shutdown_timeout=_PATIENCE_SECONDS,
            handle_signals=False,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/{self._path}"

    def cut(self) -> None:
        """Drop every connection at once: whoever waits in libgit2 gets an error and returns."""
        self._closed = True
        for transport in self._transports:
            transport.abort()

    async def close(self) -> None:
        """Stop listening."""
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _advertisement(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("service") != self._service:
            return web.Response(status=403)
        return await self._pass_on(
            request,
            self._endpoint.advertisement(service=self._service),
            media_type(self._service, "advertisement"),
        )

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        question = await request.read()
        return await self._pass_on(
            request, self._endpoint.ask(self._service, question), media_type(self._service, "result")
        )

    async def _pass_on(
        self,
        request: web.Request,
        exchange: AbstractAsyncContextManager[aiohttp.ClientResponse],
        content_type: str,
    ) -> web.StreamResponse:
        """Give the answer of the remote to libgit2 piece by piece, never holding more than one."""
        if self._closed or request.transport is None:
            return web.Response(status=503)
        self._transports.add(request.transport)
        response = web.StreamResponse(headers=_NO_CACHE | {"Content-Type": content_type})
        try:
            async with exchange as answer:
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    self.received += len(piece)
                    if not await _written(response, piece):
                        return response
        except GitError as error:
            self.error = error
            if not response.prepared:
                return web.Response(status=502)
            self.cut()  # a pack that ends early must not look complete
            return response
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
        return response


async def _written(response: web.StreamResponse, piece: bytes) -> bool:
    """Whether libgit2 still listens; its end of the connection isn't the remote's fault."""
    try:
        await response.write(piece)
    except ConnectionError:
        return False
    return True


@asynccontextmanager
async def open_bridge(endpoint: Endpoint, service: str = SERVICE) -> AsyncIterator[HttpBridge]:
    """A bridge to one service of a remote; it is closed with the block."""
    bridge = HttpBridge(endpoint, service)
    try:
        await bridge.open()
        yield bridge
    finally:
        await bridge.close()
