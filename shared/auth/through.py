"""Ways through proxies: of HTTP as aiohttp has them, of SOCKS5 by a session or socket of its own."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from yarl import URL

from shared.auth.secrets import Proxy
from shared.http import CONNECT_SECONDS, hang_up

SOCKS5: Final = "socks5"

_PORT: Final = 1080
_CONNECTED: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
"""Only to connect takes no longer than that: callers have limits of their own for the whole."""


class ProxyRefused(Exception):
    """The proxy can't be reached, or doesn't let us through."""


@asynccontextmanager
async def _through(
    session: aiohttp.ClientSession, proxy: Proxy | None, url: URL, headers: dict[str, str]
) -> AsyncIterator[tuple[aiohttp.ClientSession, dict[str, Any]]]:
    """A session for one request through a proxy, and what to tell it: the headers and the way."""
    if proxy is None:
        yield session, {"headers": headers}
    elif proxy.address.scheme == SOCKS5:
        from aiohttp_socks import (  # noqa: PLC0415 - only few need it
            ProxyConnectionError,
            ProxyConnector,
            ProxyError,
            ProxyType,
        )

        connector = ProxyConnector(**_facts(proxy), proxy_type=ProxyType.SOCKS5, rdns=True)
        try:
            async with aiohttp.ClientSession(connector=connector) as own:
                yield own, {"headers": headers}
        except (ProxyConnectionError, ProxyError) as error:
            raise ProxyRefused("the proxy can't be reached or refuses") from error
    else:
        login = {"Proxy-Authorization": proxy.login.header} if proxy.login else {}
        way: dict[str, Any] = {"proxy": proxy.address}
        if url.scheme == "https":  # the proxy only sees the request for a tunnel
            yield session, way | {"headers": headers, "proxy_headers": login}
        else:
            yield session, way | {"headers": headers | login}


@asynccontextmanager
async def exchange(
    session: aiohttp.ClientSession,
    proxy: Proxy | None,
    method: str,
    url: URL,
    headers: dict[str, str],
    *,
    timeout: aiohttp.ClientTimeout = _CONNECTED,
    **more: Any,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to one request, wherever it leads: redirects are not followed.

    `more` is what aiohttp wants to know besides. What is not read of the answer is not waited for.
    """
    async with (
        _through(session, proxy, url, headers) as (own, way),
        own.request(method, url, allow_redirects=False, timeout=timeout, **more, **way) as answer,
    ):
        try:
            yield answer
        finally:
            hang_up(answer)


async def connect_through(proxy: Proxy, host: str, port: int) -> socket.socket:
    """A connection to a host through a SOCKS5 proxy, which looks up the name.

    Raises:
        ProxyRefused: it can't be had.
    """
    from python_socks import ProxyError, ProxyType  # noqa: PLC0415 - only few need it
    from python_socks.async_.asyncio import Proxy as Way  # noqa: PLC0415

    way = Way.create(**_facts(proxy), proxy_type=ProxyType.SOCKS5, rdns=True)
    try:
        return await way.connect(host, port)
    except (ProxyError, OSError) as error:
        raise ProxyRefused("the proxy can't be reached or refuses") from error


def _facts(proxy: Proxy) -> dict[str, Any]:
    address, login = proxy.address, proxy.login
    return {
        "host": address.host,
        "port": address.port or _PORT,
        "username": login.username if login else None,
        "password": login.password if login else None,
    }
