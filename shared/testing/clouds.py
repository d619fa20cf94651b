"""A server that plays the services of clouds which give tokens, and a GitHub; with a log of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from shared.lang.json import JsonObject, dumps
from shared.testing.loopback import LoopbackServer


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, its form or body decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
    body: bytes


@dataclass
class CloudServer(LoopbackServer):
    """Answers by method and path; what nobody told it about is not found."""

    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    """`(method, path)` -> JSON, text, or a status code."""
    log: list[Asked] = field(default_factory=list)
    address: str = ""

    def answer(self, method: str, path: str, content: JsonObject | str | int) -> None:
        """Tells it what to answer."""
        self.answers[method, path] = content

    def asked(self, path: str) -> list[Asked]:
        """All requests for a path."""
        return [request for request in self.log if request.path == path]

    def application(self) -> web.Application:
        """What is served."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def __aenter__(self) -> Self:
        """Listen on loopback."""
        await super().__aenter__()
        self.address = f"http://127.0.0.1:{self.port}"
        return self

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
