"""What all test servers of HTTP have in common."""

from __future__ import annotations

from ssl import SSLContext
from types import TracebackType
from typing import Self

from aiohttp import web


class LoopbackServer:
    """A server on loopback, from `async with` to the end of the block; a class says what it answers."""

    port: int = 0
    """Where it listens; 0 takes any, and is the one that was taken afterwards."""
    tls: SSLContext | None = None
    _runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """What is served."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        """Listen on loopback."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.tls).start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; requests under way are dropped."""
        if self._runner is not None:
            await self._runner.cleanup()
