"""A server that plays the services of clouds which give tokens, and a GitHub; with a log of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from shared.lang.json import JsonObject, dumps


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, its form or body decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
    body: bytes


@dataclass(slots=True)
class CloudServer:
    """Answers by method and path; what nobody told it about is not found."""

    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    """`(method, path)` -> JSON, text, or a status code."""
    log: list[Asked] = field(default_factory=list)
    address: str = ""
    _runner: web.AppRunner | None = None

    def answer(self, method: str, path: str, content: JsonObject | str | int) -> None:
        """Tells it what to answer."""
        self.answers[method, path] = content

    def asked(self, path: str) -> list[Asked]:
        """All requests for a path."""
        return [request for request in self.log if request.path == path]

    async def __aenter__(self) -> Self:
        """Listen on loopback."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        form = await request.post() if request.content_type == "application/x-www-form-urlencoded" else {}
        self.log.append(
            Asked(
                request.method,
                request.path,
                dict(request.query),
                {name.lower(): value for name, value in request.headers.items()},
                {key: str(value) for key, value in form.items()},
                body,
            )
        )
        found = self.answers.get((request.method, request.path), 404)
        if isinstance(found, int):
            return web.Response(status=found)
        if isinstance(found, Mapping):
            return web.Response(body=dumps(dict(found)), content_type="application/json")
        return web.Response(text=str(found))
