"""A bad network in front of a real API server, on loopback and with TLS.

Requests pass through as they are, credentials included, and are noted. Rules choose some of them: those
are answered with an error, or held until whoever asked is gone. Open watches can be broken, and the whole
server can be away for a while. It runs in a thread of its own, so that it serves processes while a test
of any event loop waits for them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from localcluster.access import private
from shared.http import hang_up
from shared.lang.json import JsonObject, dumps, loads
from shared.testing.tls import Authority

T = TypeVar("T")

_HOST: Final = "127.0.0.1"
_OF_A_HOP: Final = ("Connection", "Content-Length", "Host", "Keep-Alive", "Transfer-Encoding")
_OWN_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_LARGEST_BODY: Final = 2**24
_LONGEST_EVENT: Final = 2**23
_PATIENCE: Final = 30.0
_ABOUT_OBJECTS: Final = re.compile(r"/(api|apis/[^/]+)/[^/]+/")
_HALF_AN_EVENT: Final = b'{"type":"MODIFIED","object":{"meta'


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the API server would see it; the verb of a watch is WATCH, of a dry run REHEARSE."""

    verb: str
    path: str
    query: dict[str, str]
    body: bytes

    @property
    def content(self) -> JsonObject:
        """The body as JSON; empty when there is none, or when it is no object."""
        found = loads(self.body) if self.body else {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """An error in place of what the server would say; `retry_after` is in seconds.

    With status 200 it is an answer without content: a watch that ends at once.
    """

    status: int
    reason: str = ""
    retry_after: str = ""

    def body(self) -> JsonObject:
        """The error as the API tells it."""
        if self.status == HTTPStatus.OK:
            return {}
        words = HTTPStatus(self.status).phrase
        return {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "code": self.status,
            "reason": self.reason or words.replace(" ", ""),
            "message": f"the network made up: {words}",
        }


@dataclass(frozen=True, slots=True)
class Hold:
    """No answer at all, ever; with `forward` the server has dealt with the request, otherwise it never
    sees it.
    """

    forward: bool


@dataclass(eq=False, slots=True)
class Rule:
    """Does something to requests with a verb (any, if empty) whose path is matched by an expression.

    Of all such requests the `first`th (from 1) and those after it are hit, `times` in number or without
    end; `chosen` looks closer at a request.
    """

    verb: str
    path: str
    fault: Answer | Hold
    first: int = 1
    times: int | None = None
    chosen: Callable[[Request], bool] | None = None
    matched: int = field(default=0, init=False)
    hits: list[Request] = field(default_factory=list, init=False)

    def takes(self, request: Request) -> bool:
        """Whether the request is to be hit; counts it."""
        if self.verb not in ("", request.verb) or not re.search(self.path, request.path):
            return False
        if self.chosen is not None and not self.chosen(request):
            return False
        self.matched += 1
        return self.matched >= self.first and (self.times is None or self.matched < self.first + self.times)


@dataclass(eq=False, slots=True)
class _Stream:
    """An open watch; `end` says how it ends, None is an abrupt end."""

    path: str
    end: asyncio.Future[Answer | None]


class FaultyApi:
    """Passes on to the server that a kubeconfig names, for as long as the block lasts."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        there = config["clusters"][0]["cluster"]
        self.requests: list[Request] = []
        self._server = there["server"]
        self._trusted = base64.b64decode(there["certificate-authority-data"]).decode()
        self._folder = folder
        self._authority = Authority()
        self._rules: list[Rule] = []
        self._streams: set[_Stream] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty API")
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def kubeconfig(self, of: Path) -> Path:
        """A kubeconfig with the same credentials that leads here."""
        config = json.loads(of.read_text())
        authority = base64.b64encode(self._authority.pem).decode()
        for entry in config["clusters"]:
            entry["cluster"] = {
                "server": f"https://{_HOST}:{self._port}",
                "certificate-authority-data": authority,
            }
        target = self._folder / f"{of.stem}-through-{self._port}.kubeconfig"
        private(target, json.dumps(config))
        return target

    # What goes wrong

    def disturb(self, *rules: Rule) -> None:
        """Lets the rules work on all requests from now on; the first that takes a request has it."""
        with self._news:
            self._rules += rules

    def heal(self) -> None:
        """Forgets all rules. What is held stays held."""
        with self._news:
            self._rules.clear()

    def break_watches(self, path: str, last: Answer | None = None) -> int:
        """Ends open watches of matching paths; gives how many.

        They end with an error event, or without an answer in the middle of an event.
        """

        async def broken() -> int:
            found = [stream for stream in self._streams if re.search(path, stream.path)]
            for stream in found:
                if not stream.end.done():
                    stream.end.set_result(last)
            return len(found)

        return self._call(broken())

    def away(self) -> None:
        """Ends all connections; nobody listens any more."""
        self._call(self._leave())

    def back(self) -> None:
        """Listens again, on the same port."""
        self._call(self._listen())

    # What was seen

    def wait(self, met: Callable[[], object], timeout: float = _PATIENCE) -> None:
        """Waits until `met` holds, which may look at rules and requests; blocks its thread.

        Raises:
            TimeoutError: it did not come to that.
        """
        with self._news:
            if not self._news.wait_for(met, timeout):
                hits = [(rule.verb, rule.path, len(rule.hits)) for rule in self._rules]
                raise TimeoutError(f"after {timeout:g} s the rules have hit: {hits}")

    def asked_about_objects(self, since: int = 0) -> Counter[str]:
        """How many requests came after so many others, by verb.

        Not those that ask which kinds there are, nor watches, nor events, which are told whenever there is
        time.
        """
        found = [request for request in self.requests[since:] if _ABOUT_OBJECTS.match(request.path)]
        return Counter(
            request.verb
            for request in found
            if request.verb != "WATCH" and not request.path.endswith("/events")
        )

    # The thread

    def _call(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(_PATIENCE)

    async def _open(self) -> None:
        context = ssl.create_default_context(cadata=self._trusted)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=_LONGEST_EVENT,
            auto_decompress=False,
            skip_auto_headers=_OWN_HEADERS,
        )
        self._web = web.Server(self._handle, handler_cancellation=True, access_log=None)
        await self._listen()

    async def _listen(self) -> None:
        context = self._authority.server_context()
        self._listener = await self._loop.create_server(self._web, _HOST, self._port, ssl=context)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def _leave(self) -> None:
        self._listener.close()
        for connection in self._web.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def _close(self) -> None:
        await self._leave()
        await self._web.shutdown(1.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session.connector is not None:
            await self._session.connector.close(abort_ssl=True)
        await self._session.close()
        await asyncio.sleep(0.1)  # until the sockets of TLS connections are closed, too

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        request = await _read(incoming)
        rule = self._note(request)
        if rule is None:
            return await self._forward(incoming, request)
        if isinstance(rule.fault, Answer):
            self._hit(rule, request)
            return _refusal(rule.fault)
        if rule.fault.forward:
            await self._forward(incoming, request)
        self._hit(rule, request)
        return await _forever()

    def _note(self, request: Request) -> Rule | None:
        with self._news:
            self.requests.append(request)
            taking = [rule for rule in self._rules if rule.takes(request)]
            self._news.notify_all()
        return taking[0] if taking else None

    def _hit(self, rule: Rule, request: Request) -> None:
        with self._news:
            rule.hits.append(request)
            self._news.notify_all()

    async def _forward(self, incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        try:
            if request.verb == "WATCH":
                return await self._stream(incoming, request)
            # A server goes on with a request although whoever asked has gone.
            task = self._loop.create_task(self._exchange(incoming, request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return await asyncio.shield(task)
        except aiohttp.ClientError:
            return await _hang_up_on(incoming)

    async def _exchange(self, incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        async with self._ask(incoming, request) as answer:
            body = await answer.read()
            return web.Response(body=body, status=answer.status, headers=_passing(answer.headers))

    async def _stream(self, incoming: web.BaseRequest, request: Request) -> web.StreamResponse:
        async with self._ask(incoming, request) as answer:
            stream = _Stream(request.path, self._loop.create_future())
            self._streams.add(stream)
            try:
                outgoing = web.StreamResponse(status=answer.status, headers=_passing(answer.headers))
                await outgoing.prepare(incoming)
                await self._copy(answer, outgoing, stream)
                if stream.end.done():
                    await _end(incoming, outgoing, stream.end.result())
                return outgoing
            finally:
                self._streams.discard(stream)
                hang_up(answer)

    async def _copy(
        self, answer: aiohttp.ClientResponse, outgoing: web.StreamResponse, stream: _Stream
    ) -> None:
        """Passes on whole lines until there are no more, or until the stream is to end."""

        async def copy() -> None:
            while line := await answer.content.readline():
                await outgoing.write(line)

        task = self._loop.create_task(copy())
        try:
            await asyncio.wait((task, stream.end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _ask(self, incoming: web.BaseRequest, request: Request) -> Any:
        return self._session.request(
            incoming.method,
            URL(self._server + incoming.raw_path, encoded=True),
            headers=_passing(incoming.headers),
            data=request.body or None,
        )


async def _read(incoming: web.BaseRequest) -> Request:
    query = dict(incoming.query)
    verb = incoming.method
    if query.get("watch") == "true":
        verb = "WATCH"
    elif query.get("dryRun"):
        verb = "REHEARSE"
    return Request(verb, incoming.path, query, await incoming.content.read())


async def _end(incoming: web.BaseRequest, outgoing: web.StreamResponse, last: Answer | None) -> None:
    if last is not None:
        await outgoing.write(dumps({"type": "ERROR", "object": last.body()}) + b"\n")
        await outgoing.write_eof()
        return
    await outgoing.write(_HALF_AN_EVENT)
    await _hang_up_on(incoming)


def _refusal(fault: Answer) -> web.Response:
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    status = fault.body()
    body = dumps(status) if status else b""
    return web.Response(body=body, status=fault.status, headers=headers, content_type="application/json")


def _passing(headers: Any) -> CIMultiDict[str]:
    """Headers that are meant for the other end."""
    passed = CIMultiDict(headers)
    for name in _OF_A_HOP:
        passed.popall(name, None)
    return passed


async def _hang_up_on(incoming: web.BaseRequest) -> NoReturn:
    if incoming.transport is not None:
        incoming.transport.abort()
    await _forever()


async def _forever() -> NoReturn:
    """Ends as whoever asked has gone: that cancels what handles the request."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")
