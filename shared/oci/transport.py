"""Requests to a registry, and to the service that it names for tokens.

What may pass is tried again. A host that asks to be left alone is left alone by all who have the same access.
Credentials are never sent over plain HTTP, unless that was asked for, and never follow a redirect to another
host.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

import aiohttp
from yarl import URL

from shared.auth import Proxy, ProxyRefused, RegistryLogin, SecretError, TlsContexts, TlsMaterial, exchange
from shared.http import (
    REDIRECTS,
    UnsafeRedirect,
    asked_to_wait,
    is_cut,
    is_untrusted,
    redirected,
    trouble,
)
from shared.lang.bounded import remember
from shared.lang.duration import format_duration
from shared.observe.clock import Clock
from shared.oci.errors import Interrupted, NotTrusted, RegistryError, Unreachable
from shared.oci.repository import Repository

_PAUSES: Final = (1.0, 3.0)
_SPREAD: Final = 1.1
_LONGEST_PAUSE: Final = timedelta(seconds=30)
"""Whoever asks for more is asked again in another turn."""
_RETRIED: Final = frozenset((408, 429, 499, 500, 502, 503, 504, 522))
_MOST_REDIRECTS: Final = 5
_MOST_HOSTS: Final = 4096

_Request = Callable[[], AbstractAsyncContextManager[aiohttp.ClientResponse]]


@dataclass(frozen=True, slots=True)
class Access:
    """How a registry is reached, and as whom."""

    login: RegistryLogin | None = None
    tls: TlsMaterial = field(default_factory=TlsMaterial)
    proxy: Proxy | None = None
    insecure: bool = False
    """Plain HTTP is allowed, and without TLS material a certificate of anybody."""

    @property
    def keeps_login(self) -> bool:
        """Whether there is a login that may not go over plain HTTP."""
        return bool(self.login) and not self.insecure


class Hosts:
    """What is known of hosts: which of them only speak plain HTTP, and which want to be left alone.

    The latter is known to those with the same access only: another proxy may speak for somebody else.
    """

    def __init__(self, session: aiohttp.ClientSession, user_agent: str, clock: Clock) -> None:
        self.session = session
        self.user_agent = user_agent
        self.plain: OrderedDict[tuple[str, bool], bool] = OrderedDict()
        self._clock = clock
        self._left_alone: OrderedDict[tuple[str, Access], float] = OrderedDict()

    def leave_alone(self, host: str, access: Access, wait: timedelta) -> None:
        """A host wants no requests of somebody for a while."""
        until = self._clock.monotonic() + wait.total_seconds()
        remember(self._left_alone, (host, access), until, _MOST_HOSTS)

    async def ready(self, host: str, access: Access) -> None:
        """Returns once a host may be asked.

        Raises:
            RegistryError: that takes too long to be waited for here.
        """
        left = self._left_alone.get((host, access), 0.0) - self._clock.monotonic()
        if left > _LONGEST_PAUSE.total_seconds():
            wait = timedelta(seconds=round(left, 3))
            error = RegistryError(
                f"{host} is asked too often, it will be asked again in {format_duration(wait)}"
            )
            error.retry_after = wait
            raise error
        if left > 0:
            await asyncio.sleep(left)


class Transport:
    """Sends requests for one repository."""

    def __init__(self, hosts: Hosts, repository: Repository, access: Access) -> None:
        self._hosts = hosts
        self._repository = repository
        self._access = access
        self._contexts = TlsContexts(access.tls, URL(f"https://{repository.host}").origin())

    def send(
        self, method: str, place: str | URL, headers: dict[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The answer, whatever it is, to a path of the registry, which may have a query and is sent as it is.

        An address is elsewhere; the registry led to it, and nothing of the login is sent there.

        Raises:
            RegistryError: there is none.
        """
        if isinstance(place, URL):
            elsewhere = partial(self._followed, method, place, _anonymous(headers))
            return self._patiently(place.authority, elsewhere)
        return self._patiently(self._repository.host, partial(self._exchange, method, place, headers))

    def send_to(
        self, method: str, url: URL, headers: dict[str, str], form: dict[str, str] | None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The answer of another service; redirects are not followed."""
        return self._patiently(url.authority, partial(self._request, method, url, headers, form))

    def is_home(self, url: URL) -> bool:
        """Whether an address is in the registry itself."""
        return url.origin() == URL(f"{url.scheme}://{self._repository.host}").origin()

    @asynccontextmanager
    async def _patiently(self, host: str, request: _Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, which is sent again where that may help."""
        for pause in (*_PAUSES, None):
            await self._hosts.ready(host, self._access)
            async with AsyncExitStack() as stack:
                wait = None
                try:
                    answer = await stack.enter_async_context(request())
                except Unreachable:
                    if pause is None:
                        raise
                else:
                    wait = asked_to_wait(answer)
                    if wait is not None:
                        self._hosts.leave_alone(host, self._access, wait)
                    if pause is None or answer.status not in _RETRIED or (wait and wait > _LONGEST_PAUSE):
                        yield answer
                        return
            if wait is None and pause is not None:
                await asyncio.sleep(pause * random.uniform(1.0, _SPREAD))

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request to the registry, over HTTPS or else plain HTTP, following redirects."""
        first: Unreachable | None = None
        for plain in self._ways():
            url = URL(f"{'http' if plain else 'https'}://{self._repository.host}{path}", encoded=True)
            sent = _anonymous(headers) if plain and self._access.keeps_login else headers
            async with AsyncExitStack() as stack:
                try:
                    answer = await stack.enter_async_context(self._followed(method, url, sent))
                except Unreachable as error:
                    first = first or error
                    continue
                remember(self._hosts.plain, self._way(), plain, _MOST_HOSTS)
                yield answer
                return
        if first is not None:
            raise first

    def _way(self) -> tuple[str, bool]:
        return self._repository.host, self._access.insecure

    def _ways(self) -> tuple[bool, ...]:
        """Whether to try plain HTTP, in the order of trying; what worked last comes first."""
        if not (self._access.insecure or self._repository.is_private):
            return (False,)
        return (True, False) if self._hosts.plain.get(self._way()) else (False, True)

    @asynccontextmanager
    async def _followed(
        self, method: str, url: URL, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Redirects are followed without the credentials, unless they stay where they are."""
        origin = url.origin()
        for _ in range(_MOST_REDIRECTS + 1):
            sent = headers if url.origin() == origin else _anonymous(headers)
            async with self._request(method, url, sent, None) as answer:
                if answer.status not in REDIRECTS:
                    yield answer
                    return
                try:
                    url = redirected(url, answer)
                except UnsafeRedirect as error:
                    raise RegistryError(f"{url.host} redirects to {error}") from None
        raise RegistryError(f"{origin.host} redirects in circles")

    @asynccontextmanager
    async def _request(
        self, method: str, url: URL, headers: dict[str, str], form: dict[str, str] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; trouble of the network comes out as `Unreachable`."""
        sent = headers | {"User-Agent": self._hosts.user_agent}
        with _told(url):
            context = await self._tls(url) if url.scheme == "https" else True
            async with exchange(
                self._hosts.session, self._access.proxy, method, url, sent, data=form, ssl=context
            ) as answer:
                yield answer

    async def _tls(self, url: URL) -> ssl.SSLContext | bool:
        """The context for an address; True is the session's own, False trusts anybody."""
        if not self._access.tls:
            return not self._access.insecure
        try:
            return await self._contexts.of(url) or True
        except SecretError as error:
            raise RegistryError(str(error)) from error


def _anonymous(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "Authorization"}


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Trouble of the network as an error of ours."""
    try:
        yield
    except ProxyRefused as error:
        raise Unreachable(str(error)) from None
    except (aiohttp.ClientError, OSError) as error:
        if is_untrusted(error):
            raise NotTrusted(trouble(error, url)) from None
        raise (Interrupted if is_cut(error) else Unreachable)(trouble(error, url)) from None
