"""What all Git hosts have in common: a server, accounts, repositories with commits, and faults on demand."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiohttp import web

from shared.lang.json import JsonError, JsonObject, dumps, loads, mapping
from shared.testing.loopback import LoopbackServer

_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came in; `login` is whose it is."""

    method: str
    target: str
    """Path and query, as they were sent."""
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    login: str


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next requests that match: a status, or a connection that ends (None).

    With `after` the request is done first, and only its answer gets lost.
    """

    method: str
    path: str
    status: int | None
    after: bool = False
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    met: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with the first request that goes wrong."""


class Refused(Exception):
    """The answer to a request that a host does not do."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


Handler: TypeAlias = Callable[..., Any]


class GitHost(LoopbackServer):
    """A host; `below` is the path that all of it is under."""

    def __init__(self, *, below: str = "", tls: ssl.SSLContext | None = None) -> None:
        """Tokens are keys of `accounts`, logins its values; repositories have commits."""
        self.below = below
        self.accounts: dict[str, str] = {}
        self.repositories: dict[str, set[str]] = {}
        self.log: list[Asked] = []
        self.faults: list[Fault] = []
        self.port = 0
        self.tls = tls
        self._last = 0
        self._news = asyncio.Event()

    #: Method, pattern of the path, and who answers; groups of the pattern are arguments.
    routes: Sequence[tuple[str, str, Handler]] = ()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def asked(self, method: str = "", path: str = "") -> list[Asked]:
        """The requests with a method for a path that a pattern is found in."""
        return [
            each
            for each in self.log
            if method in ("", each.method) and re.search(path, each.path) is not None
        ]

    async def until(self, met: Callable[[], object], seconds: float = 20) -> None:
        """Waits for requests until something holds."""
        async with asyncio.timeout(seconds):
            while not met():
                self._news.clear()
                await self._news.wait()

    def application(self) -> web.Application:
        """What is served."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    def login(self, headers: dict[str, str]) -> str:
        """Whose a request is; empty for a stranger."""
        raise NotImplementedError

    def stranger(self) -> Refused:
        """The answer to strangers."""
        raise NotImplementedError

    def unknown(self) -> Refused:
        """The answer where nothing is."""
        raise NotImplementedError

    def number(self) -> int:
        """A new id."""
        self._last += 1
        return self._last

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answered(request)
        finally:
            self._news.set()

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        raw = await request.read()
        try:
            body = loads(raw) if raw else None
        except JsonError:
            body = raw.decode(errors="replace")
        path, _, _ = request.raw_path.partition("?")
        asked = Asked(
            request.method, request.raw_path, path, dict(request.query), headers, body, self.login(headers)
        )
        self.log.append(asked)
        fault = next((each for each in self.faults if _matches(each, asked)), None)
        if fault is not None:
            fault.times -= 1
            fault.met.set()
            if fault.after:
                self._done(asked)
            if fault.status is None:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return web.Response(status=fault.status, text="out of order", headers=fault.headers)
        status, found, more = self._done(asked)
        if found is None:
            return web.Response(status=status, headers=more)
        return web.Response(status=status, body=dumps(found), content_type="application/json", headers=more)

    def _done(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        if not asked.path.startswith(f"{self.below}/"):
            return 404, None, {}
        try:
            for method, pattern, handler in self.routes:
                match = re.fullmatch(pattern, asked.path.removeprefix(self.below))
                if match and method == asked.method:
                    found = handler(self, asked, **match.groupdict())
                    status, value = found if isinstance(found, tuple) else (200, found)
                    return self._paged(asked, status, value)
            raise self.unknown()
        except Refused as refused:
            return refused.status, refused.body, {}

    def _paged(self, asked: Asked, status: int, value: Any) -> tuple[int, Any, dict[str, str]]:
        """Lists go out in pages, with a link to the next one."""
        if not isinstance(value, list):
            return status, value, {}
        size = min(int(asked.query.get(self.page_size, "") or self.page_default), _MOST)
        page = max(int(asked.query.get("page", "1")), 1)
        part = value[(page - 1) * size : page * size]
        if len(value) <= page * size:
            return status, part, {}
        link = f'<{self.url}{asked.path}?page={page + 1}>; rel="next", <{self.url}{asked.path}>; rel="last"'
        return status, part, {"Link": link}

    page_size = "per_page"
    page_default = 20


def member(body: Any, key: str) -> Any:
    """A member of a body that may be anything."""
    return mapping(body).get(key)


def text_of(body: JsonObject, key: str) -> str:
    """A text in a body; empty if there is none."""
    value = mapping(body).get(key)
    return value if isinstance(value, str) else ""


def _matches(fault: Fault, asked: Asked) -> bool:
    return fault.times > 0 and fault.method == asked.method and re.search(fault.path, asked.path) is not None
