"""Connections to services, kept open between deliveries.

There is one set of them for each way that Providers describe: a proxy, whom TLS trusts, and the certificate
that it shows. Connections of one way are never used on another, and no cookie is ever kept. Ways that were
not taken for long are given up when there are too many.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, Self

import aiohttp
from yarl import URL

from shared.auth import Proxy, TlsMaterial, ssl_context
from shared.http import CONNECT_SECONDS
from shared.proxies import EnvironmentProxies, OneProxy, ProxiedConnector, ProxyChoice

_WAYS: Final = 32
_AGENT: Final = "headrace-notification-controller"


@dataclass(frozen=True, slots=True)
class Way:
    """How a service is reached; without a proxy of its own, through those of the environment."""

    proxy: Proxy | None = None
    tls: TlsMaterial = field(default_factory=TlsMaterial)
    public: bool = False
    """Whether the authorities of the machine count as well, for a host that has a certificate of theirs."""

    @property
    def anonymous(self) -> Way:
        """The same way without a client certificate."""
        return replace(self, tls=TlsMaterial(self.tls.authorities))


@dataclass(slots=True)
class _Held:
    session: aiohttp.ClientSession
    users: int = 0
    given_up: bool = False


class Sessions:
    """HTTP sessions by way; all are closed at the end of the block."""

    def __init__(self, environment: EnvironmentProxies | None = None, *, most: int = _WAYS) -> None:
        """Nothing is opened yet; `most` is a number of ways."""
        self._environment = environment or EnvironmentProxies.read()
        self._most = most
        self._held: OrderedDict[Way, _Held] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held = list(self._held.values())
        self._held.clear()
        for each in held:
            await each.session.close()

    @asynccontextmanager
    async def of(self, way: Way) -> AsyncIterator[aiohttp.ClientSession]:
        """The session of a way, for as long as the block lasts.

        Raises:
            SecretError: the TLS material can't be used.
        """
        if way not in self._held:
            context = await asyncio.to_thread(ssl_context, way.tls, system=way.public) if way.tls else True
            if way not in self._held:  # somebody else may have been faster
                self._held[way] = _Held(self._opened(way, context))
        held = self._held[way]
        self._held.move_to_end(way)
        held.users += 1
        try:
            await self._give_up()
            yield held.session
        finally:
            held.users -= 1
            if held.given_up and not held.users:
                await held.session.close()

    async def _give_up(self) -> None:
        while len(self._held) > self._most:
            _, oldest = self._held.popitem(last=False)
            oldest.given_up = True
            if not oldest.users:
                await oldest.session.close()

    def _opened(self, way: Way, context: object) -> aiohttp.ClientSession:
        choice: ProxyChoice = OneProxy(_with_login(way.proxy)) if way.proxy else self._environment
        return aiohttp.ClientSession(
            # As many as there are deliveries under way, which have limits of their own.
            connector=ProxiedConnector(choice, ssl=context, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            headers={"User-Agent": _AGENT},
        )


def _with_login(proxy: Proxy) -> URL:
    if proxy.login is None:
        return proxy.address
    return proxy.address.with_user(proxy.login.username).with_password(proxy.login.password)
