"""Sends the requests of one delivery, and tries again what may work in a moment.

What is tried again: requests that got no answer, and answers that say so (429, 5xx but 501). What is not:
certificates that nobody trusts, redirects that never end, addresses and headers that can't be. What was taken
is never sent again, whatever becomes of the rest of the answer. A wait that would outlast the delivery is not
begun, so that the last answer is reported instead of a timeout.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from typing import Final

import aiohttp
from yarl import URL

from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.request import Answer, Request
from notification_controller.delivery.sessions import Sessions, Way
from shared.auth import SecretError
from shared.http import REDIRECTS, UnsafeRedirect, asked_to_wait, hang_up, is_untrusted, redirected, trouble
from shared.observe.clock import Clock

_WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 4, 8, 16))
_REDIRECTS: Final = 10
#: Only these keep the method and the body; after others a notification would not arrive.
_KEEPING: Final = (307, 308)


class Poster:
    """Sends requests on one way within one limit of time, which begins now."""

    def __init__(self, sessions: Sessions, clock: Clock, way: Way, timeout: timedelta) -> None:
        self._sessions = sessions
        self._clock = clock
        self._way = way
        self._ends = clock.monotonic() + timeout.total_seconds()
        self.last: Trouble | None = None
        """What came of the last request that failed and was to be tried again."""

    async def send(self, request: Request) -> Answer:
        """Sends a request that has to be taken.

        Raises:
            Trouble: it wasn't.
        """
        answer = await self.ask(request)
        answer.check()
        return answer

    async def ask(self, request: Request, *, again: bool = True) -> Answer:
        """Sends a request, and gives whatever answer there is in the end.

        Without `again` it is sent once only, because nobody can tell whether it was taken after all.

        Raises:
            Trouble: there is none.
        """
        for pause in (*(_WAITS if again else ()), None):
            try:
                answer = await self._followed(request)
                failure = answer.trouble()
            except Trouble as error:
                answer, failure = None, error
            if answer is not None and not answer.passing:
                return answer
            if not failure.retry or pause is None:
                break
            wait = (answer.wait if answer else None) or pause
            if wait.total_seconds() >= self._ends - self._clock.monotonic():
                break
            self.last = failure
            await asyncio.sleep(wait.total_seconds())
        if answer is None:
            raise failure
        return answer

    async def _followed(self, request: Request) -> Answer:
        way = self._way
        for _ in range(_REDIRECTS + 1):
            answer, target = await self._once(request, way)
            if target is None:
                return answer
            if target.host != request.url.host:
                way = way.anonymous
            request = request.moved(target)
        raise Trouble(f"{request.url.host} redirects again and again")

    async def _once(self, request: Request, way: Way) -> tuple[Answer, URL | None]:
        """The answer, and where it leads to."""
        url = request.url
        try:
            async with (
                self._sessions.of(way) as session,
                session.request(
                    request.method,
                    url,
                    data=request.body or None,
                    headers=request.headers,
                    allow_redirects=False,
                ) as response,
            ):
                try:
                    body = await self._body(request, response)
                    followed = REDIRECTS if request.method == "GET" else _KEEPING
                    target = redirected(url, response) if response.status in followed else None
                    return Answer(response.status, body, response.headers, asked_to_wait(response)), target
                finally:
                    hang_up(response)
        except UnsafeRedirect as error:
            raise Trouble(f"{url.host} redirects to {error}") from None
        except SecretError as error:
            raise Trouble(str(error)) from None
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            hopeless = is_untrusted(error) or isinstance(error, ValueError)
            raise Trouble(trouble(error, url), retry=not hopeless) from None

    async def _body(self, request: Request, response: aiohttp.ClientResponse) -> bytes:
        """The body, as far as it is wanted.

        To who only asked for it, a body that doesn't come whole is no answer. Everybody else has got one with
        the status: an acceptance is taken as one without a body, of a refusal there is what came.
        """
        asked = request.method == "GET"
        left = self._ends - self._clock.monotonic()
        data = bytearray()
        try:
            # Half of what is left, so that the whole delivery is not late because of it.
            async with asyncio.timeout(None if asked else left / 2):
                async for piece in response.content.iter_any():
                    data += piece
                    if len(data) >= request.most:
                        break
        except (aiohttp.ClientError, OSError):
            if asked:
                raise
            if response.status < 300:
                data.clear()
        return bytes(data[: request.most])
