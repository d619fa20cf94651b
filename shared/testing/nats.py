"""The real NATS server on loopback, with whatever wants to be asked of those who come, and a subscriber."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from localcluster import programs
from localcluster.ports import free_ports
from shared.lang.json import dumps

_PATIENCE: Final = 20


@dataclass(slots=True)
class Subscriber:
    """Keeps every message: subject and bytes."""

    port: int
    arrived: asyncio.Queue[tuple[str, bytes]] = field(default_factory=asyncio.Queue)


@asynccontextmanager
async def run_nats(
    folder: Path,
    config: str = "",
    *,
    login: tuple[str, str] = ("", ""),
    trust: ssl.SSLContext | None = None,
    subscribes: bool = True,
) -> AsyncIterator[Subscriber]:
    """A server until the block ends, with more lines for its configuration; the subscriber logs in."""
    port = free_ports(1)[0]
    file = folder / "nats.conf"
    file.write_text(f"listen: 127.0.0.1:{port}\n{config}\n")
    process = await asyncio.create_subprocess_exec(
        str(programs.ensure("nats-server")),
        "--config",
        str(file),
        env={"PATH": os.environ.get("PATH", os.defpath)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    subscriber = Subscriber(port)
    try:
        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
            _, writer = await _connected(port)
            writer.transport.abort()
            if subscribes:
                ready = asyncio.Event()
                task = group.create_task(_subscribe(subscriber, ready, login, trust))
                await ready.wait()
            yield subscriber
            if subscribes:
                task.cancel()
    finally:
        process.terminate()
        await process.wait()


async def _subscribe(
    subscriber: Subscriber, ready: asyncio.Event, login: tuple[str, str], trust: ssl.SSLContext | None
) -> None:
    reader, writer = await _connected(subscriber.port)
    try:
        await reader.readuntil(b"\n")
        if trust is not None:
            await writer.start_tls(trust, server_hostname="127.0.0.1")
        hello = {"verbose": False, "user": login[0], "pass": login[1], "tls_required": trust is not None}
        writer.write(b"CONNECT " + dumps(hello) + b"\r\nSUB > 1\r\nPING\r\n")
        while True:
            word, *rest = (await reader.readuntil(b"\n")).decode().split()
            if word == "MSG":
                payload = await reader.readexactly(int(rest[-1]))
                subscriber.arrived.put_nowait((rest[0], payload))
                await reader.readexactly(2)
            elif word == "PING":
                writer.write(b"PONG\r\n")
            elif word == "PONG":
                ready.set()
            elif word == "-ERR":
                raise ConnectionError(" ".join(rest))
    finally:
        writer.transport.abort()


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
