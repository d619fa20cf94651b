"""A forward proxy on loopback: HTTP with CONNECT and whole addresses, and SOCKS5; with a login on demand."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from yarl import URL

_VERSION: Final = 5
_USER_AND_PASSWORD: Final = 2
_NOTHING: Final = 0
_REFUSED: Final = 255


@dataclass(slots=True)
class ForwardProxy:
    """Both kinds on one port; `targets` has every host and port that somebody was let through to."""

    scheme: str = "http"
    """What the address says; the port knows both kinds."""
    login: tuple[str, str] | None = None
    routes: dict[str, int] = field(default_factory=dict)
    """Hosts that are on loopback in truth, by name, and their ports there."""
    targets: list[str] = field(default_factory=list)
    refused: int = 0
    """How many came with a wrong login or none."""
    port: int = 0
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The address for a Secret."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; connections are dropped."""
        if self._server is not None:
            self._server.close()
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer), name="forward proxy")
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                first = await reader.readexactly(1)
                await (self._socks(reader, writer) if first == b"\5" else self._http(first, reader, writer))
            finally:
                writer.close()

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        if self.login and f"Proxy-Authorization: {_basic(self.login)}" not in fields:
            self.refused += 1
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            await self._pass_on(host, int(port), reader, writer, b"HTTP/1.1 200 OK\r\n\r\n", b"")
            return
        url = URL(target, encoded=True)
        kept = [each for each in fields if each and not each.lower().startswith(("proxy-", "connection:"))]
        request = "\r\n".join([f"{method} {url.raw_path_qs} HTTP/1.1", *kept, "Connection: close", "", ""])
        await self._pass_on(str(url.host), url.port or 80, reader, writer, b"", request.encode("latin-1"))

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        wanted = _USER_AND_PASSWORD if self.login else _NOTHING
        writer.write(bytes((_VERSION, wanted if wanted in methods else _REFUSED)))
        if wanted not in methods:
            self.refused += 1
            return
        if self.login:
            await reader.readexactly(1)
            name, password = [await _counted(reader) for _ in range(2)]
            right = (name.decode(), password.decode()) == self.login
            writer.write(bytes((1, 0 if right else 1)))
            if not right:
                self.refused += 1
                return
        await reader.readexactly(3)
        kind = (await reader.readexactly(1))[0]
        raw = await reader.readexactly(4) if kind == 1 else await _counted(reader)
        host = ".".join(map(str, raw)) if kind == 1 else raw.decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        await self._pass_on(host, port, reader, writer, bytes((_VERSION, 0, 0, 1, 0, 0, 0, 0, 0, 0)), b"")

    async def _pass_on(
        self,
        host: str,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: bytes,
        request: bytes,
    ) -> None:
        self.targets.append(f"{host}:{port}")
        if host in self.routes:
            host, port = "127.0.0.1", self.routes[host]
        far_reader, far_writer = await asyncio.open_connection(host, port)
        try:
            writer.write(answer)
            far_writer.write(request)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pipe(reader, far_writer))
                group.create_task(_pipe(far_reader, writer))
        finally:
            far_writer.close()


class Guide(ForwardProxy):
    """A proxy that knows other places for some hosts, or for all: ports on loopback."""

    def __init__(self, port: int = 0, **options: Any) -> None:
        """With a port everybody is led there."""
        super().__init__(**options)
        self.everybody = port
        self.places: dict[str, int] = {}
        self.asked: list[str] = []
        """Hosts that somebody wanted to get to."""

    async def _pass_on(
        self,
        host: str,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: bytes,
        request: bytes,
    ) -> None:
        self.asked.append(host)
        place = self.places.get(host, self.everybody)
        where = ("127.0.0.1", place) if place else (host, port)
        await super()._pass_on(*where, reader, writer, answer, request)


async def _counted(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly((await reader.readexactly(1))[0])


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # one side may be gone already
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _basic(pair: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(pair).encode()).decode()
