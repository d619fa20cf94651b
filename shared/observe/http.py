"""The two small HTTP servers of every controller: metrics and health."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from aiohttp import web

from shared.observe import metrics

_ADDRESS: Final = re.compile(r"(?P<host>|[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")


def parse_address(text: str, flag: str) -> tuple[str | None, int]:
    """`:8080` -> (None, 8080), `127.0.0.1:8080` -> (`127.0.0.1`, 8080).

    Raises:
        ValueError: the text is no such address.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise ValueError(f"{flag}: {text!r} is not host:port or :port")
    return found["host"].strip("[]") or None, int(found["port"])


class Server:
    """An aiohttp application on one address, started and stopped with its controller."""

    def __init__(self, application: web.Application, host: str | None, port: int) -> None:
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=5)
        self._host = host
        self._port = port

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else self._port

    async def start(self) -> None:
        """Listens; raises OSError when the address is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, reuse_address=True).start()

    async def stop(self) -> None:
        """Ends open requests within five seconds."""
        await self._runner.cleanup()


def metrics_application() -> web.Application:
    """`GET /metrics`."""

    async def scrape(request: web.Request) -> web.Response:
        del request
        body, content_type = metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})

    application = web.Application()
    application.router.add_get("/metrics", scrape)
    return application


class Readiness:
    """Whether a process can do what it is called for; it can unless somebody needs something."""

    def __init__(self) -> None:
        self._needs: list[Callable[[], bool]] = []

    def needs(self, met: Callable[[], bool]) -> None:
        """From now on the process is ready only while this holds."""
        self._needs.append(met)

    @property
    def ready(self) -> bool:
        """Whether all needs are met."""
        return all(met() for met in self._needs)


def health_application(readiness: Readiness | None = None) -> web.Application:
    """`/healthz` is a plain ping of a live event loop, and so is `/readyz` where nothing is needed."""
    needed = readiness or Readiness()

    async def ping(request: web.Request) -> web.Response:
        del request
        return web.Response(text="ok")

    async def ready(request: web.Request) -> web.Response:
        if needed.ready:
            return await ping(request)
        return web.Response(status=503, text="caches are not filled yet")

    application = web.Application()
    for path in ("/healthz", "/healthz/ping"):
        application.router.add_get(path, ping)
    for path in ("/readyz", "/readyz/ping"):
        application.router.add_get(path, ready)
    return application
