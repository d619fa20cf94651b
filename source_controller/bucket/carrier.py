"""Requests that a library has made and signed, carried by the HTTP client of the process.

The library is called in threads. What it sends comes here and goes on in the event loop, so that a cancelled
caller ends a request at once whatever the other side does, private keys stay in memory, and proxies of all
kinds work. What is downloaded goes into its file piece by piece and never through the library.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock, local
from typing import Any, Final, Protocol

import aiohttp
from yarl import URL

from shared.auth import Proxy, ProxyRefused, exchange
from shared.git.threads import Stopped
from shared.http import trouble
from source_controller.bucket.store import StoreError

_CHUNK: Final = 1 << 18
_LARGEST_ANSWER: Final = 16 << 20


class Target(Protocol):
    """Where the bytes of an object go."""

    def write(self, data: bytes, /) -> object:
        """Take in the next piece; may block."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent; the address and the headers are signed, so they go as they are."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the body is empty where it went into a target."""

    status: int
    headers: dict[str, str]
    body: bytes


class Carrier:
    """Sends the requests of one turn."""

    def __init__(
        self, session: aiohttp.ClientSession, context: ssl.SSLContext | None, proxy: Proxy | None
    ) -> None:
        """Made in the event loop; without a context the authorities of the machine are trusted."""
        self._session = session
        self._context = context
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()
        self._lock = Lock()
        self._open: set[Future[Answer]] = set()
        self._stopped = False
        self._target = local()

    @contextmanager
    def into(self, target: Target) -> Iterator[None]:
        """What this thread asks for in the block goes into a target."""
        self._target.value = target
        try:
            yield
        finally:
            self._target.value = None

    async def ask(self, request: Request, target: Target | None = None) -> Answer:
        """Sends a request, from the event loop itself; what comes may go into a target.

        Raises:
            StoreError: there is no answer.
        """
        answer = await self._send(request, target)
        if target is None or answer.status >= 300:
            return answer
        await asyncio.to_thread(target.write, answer.body)
        return replace(answer, body=b"")

    def send(self, request: Request, timeout: float | None = None) -> Answer:
        """Sends a request and waits for the answer, perhaps only so many seconds; called in a thread.

        Raises:
            StoreError: there is no answer.
            Stopped: nobody waits for it any more.
        """
        with self._lock:
            if self._stopped:
                raise Stopped
            target: Target | None = getattr(self._target, "value", None)
            future = asyncio.run_coroutine_threadsafe(self._send(request, target), self._loop)
            self._open.add(future)
        try:
            answer = future.result(timeout)
        except CancelledError:
            raise Stopped from None
        except TimeoutError:
            future.cancel()
            raise StoreError("there was no answer in time") from None
        finally:
            with self._lock:
                self._open.discard(future)
        if target is None or answer.status >= 300:
            return answer
        target.write(answer.body)
        return replace(answer, body=b"")

    def stop(self) -> None:
        """Ends all requests, those to come as well."""
        with self._lock:
            self._stopped = True
            waiting = list(self._open)
        for future in waiting:
            future.cancel()

    async def _send(self, request: Request, target: Target | None) -> Answer:
        url = URL(request.url, encoded=True)
        headers = {"Accept-Encoding": "identity", **request.headers}
        try:
            async with exchange(
                self._session,
                self._proxy,
                request.method,
                url,
                headers,
                data=request.body,
                ssl=self._context or True,
                auto_decompress=False,
            ) as answer:
                return await _taken(answer, target)
        except TimeoutError:
            raise StoreError(f"{url.host}:{url.port} does not take connections in time") from None
        except ProxyRefused as error:
            raise StoreError(str(error)) from None
        except (aiohttp.ClientError, ssl.SSLError, ConnectionError) as error:
            raise StoreError(trouble(error, url)) from None
        except ValueError:
            raise StoreError(f"{url.host}:{url.port} can't be asked for this") from None


async def _taken(answer: aiohttp.ClientResponse, target: Target | None) -> Answer:
    """The answer; where there is a target, with only the last piece, which is all of most objects."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if target is None or answer.status >= 300:
        return Answer(answer.status, headers, await _whole(answer))
    last = b""
    async for piece in answer.content.iter_chunked(_CHUNK):
        if last:
            await asyncio.to_thread(target.write, last)
        last = piece
    return Answer(answer.status, headers, last)


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    found = io.BytesIO()
    async for piece in answer.content.iter_chunked(_CHUNK):
        if found.tell() + len(piece) > _LARGEST_ANSWER:
            raise StoreError(f"the answer has more than {_LARGEST_ANSWER} bytes")
        found.write(piece)
    return found.getvalue()


def plain_headers(headers: Any) -> dict[str, str]:
    """Headers of a library as text."""
    return {
        (name.decode() if isinstance(name, bytes) else str(name)): (
            value.decode() if isinstance(value, bytes) else str(value)
        )
        for name, value in headers.items()
    }
