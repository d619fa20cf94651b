"""The proxies that the environment names, understood as programs in Go understand them.

`HTTPS_PROXY` and `HTTP_PROXY` are for addresses of their scheme, `NO_PROXY` lists what is reached without
one; names in lower case win. This machine itself is always reached without a proxy.

aiohttp can read the environment, too, but then it sends the passwords of ~/.netrc to whoever it meets, knows
no networks in `NO_PROXY`, and takes no proxies that speak TLS or SOCKS. So nothing here switches that on.
"""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeAlias

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest, ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

SOCKS5: Final = "socks5"
_SCHEMES: Final = ("http", "https", SOCKS5)
_SOCKS_PORT: Final = 1080


@dataclass(frozen=True, slots=True)
class _Exception:
    """One entry of `NO_PROXY`: everything, a network, or a host with perhaps a port."""

    host: str = ""
    address: _Address | None = None
    network: _Network | None = None
    port: str = ""
    below_only: bool = False

    @classmethod
    def read(cls, text: str) -> _Exception | None:
        """None for an entry that names no host."""
        if (network := _network(text)) is not None:
            return cls(network=network)
        host, port = _host_and_port(text)
        if (address := _address(host)) is not None:
            return cls(address=address, port=port)
        below_only = host.startswith((".", "*."))
        name = host.removeprefix("*").removeprefix(".")
        return cls(host=_ascii(name), port=port, below_only=below_only) if name else None

    def takes(self, host: str, address: _Address | None, port: str) -> bool:
        """Whether the entry is about a host that may be an address."""
        if address is not None and self.network is not None:
            return address in self.network
        if self.port not in ("", port):
            return False
        if address is not None:
            return address == self.address
        if not self.host:
            return False
        return host.endswith(f".{self.host}") or (host == self.host and not self.below_only)


@dataclass(frozen=True, slots=True)
class EnvironmentProxies:
    """Which proxy is for which address."""

    by_scheme: Mapping[str, URL] = field(repr=False)
    exceptions: tuple[_Exception, ...] = ()
    unused: bool = False
    """`NO_PROXY` is `*`."""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """From environment variables.

        Raises:
            ValueError: a variable names no proxy; its value may hold a password and is not repeated.
        """
        found = {scheme: _proxy(environ, f"{scheme}_proxy") for scheme in ("http", "https")}
        entries = [entry.strip().lower() for entry in _variable(environ, "no_proxy").split(",")]
        exceptions = (_Exception.read(entry) for entry in entries if entry)
        return cls(
            {scheme: url for scheme, url in found.items() if url is not None},
            tuple(exception for exception in exceptions if exception is not None),
            "*" in entries,
        )

    def of(self, url: URL) -> URL | None:
        """The proxy for an address, with its login as user info; None is the direct way."""
        proxy = self.by_scheme.get(url.scheme)
        host = (url.raw_host or "").lower()
        if proxy is None or self.unused or not host or host == "localhost":
            return None
        address, port = _address(host), str(url.port or "")
        if address is not None and address.is_loopback:
            return None
        return None if any(each.takes(host, address, port) for each in self.exceptions) else proxy


class ProxyChoice(Protocol):
    """Knows which proxy is for which address."""

    def of(self, url: URL) -> URL | None:
        """The proxy for an address, with its login as user info; None is the direct way."""


@dataclass(frozen=True, slots=True)
class OneProxy:
    """The same proxy for all addresses, this machine too."""

    address: URL = field(repr=False)
    """With the login as user info."""

    def of(self, url: URL) -> URL | None:
        """The proxy."""
        del url
        return self.address


@dataclass(frozen=True, slots=True)
class Direct:
    """No proxy for any address."""

    def of(self, url: URL) -> URL | None:
        """None."""
        del url
        return None


class ProxiedConnector(aiohttp.TCPConnector):
    """Opens the connections of a session, through the proxies that are chosen for their addresses.

    A proxy that a request brings along wins.
    """

    def __init__(self, proxies: ProxyChoice, **options: Any) -> None:
        super().__init__(**options)
        self._proxies = proxies
        self._options = options
        self._socks: dict[URL, aiohttp.BaseConnector] = {}

    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A connection for a request."""
        proxy = self._proxies.of(req.url) if req.proxy is None else None
        if proxy is None:
            return await super().connect(req, traces, timeout)
        if proxy.scheme == SOCKS5:
            return await self._through_socks(proxy, req, traces, timeout)
        login = {"Proxy-Authorization": basic(proxy)} if proxy.user else {}
        bare = proxy.with_user(None)
        if req.is_ssl():  # the proxy only sees the request for a tunnel
            req.update_proxy(bare, None, login)
        else:
            req.update_proxy(bare, None, None)
            req.headers.update(login)
        return await super().connect(req, traces, timeout)

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Ends all connections."""
        for connector in self._socks.values():
            await connector.close(abort_ssl=abort_ssl)
        await super().close(abort_ssl=abort_ssl)

    async def _through_socks(
        self, proxy: URL, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        from aiohttp_socks import (  # noqa: PLC0415 - only few need it
            ProxyConnectionError,
            ProxyConnector,
            ProxyError,
            ProxyType,
        )

        if proxy not in self._socks:
            self._socks[proxy] = ProxyConnector(
                host=proxy.host or "",
                port=proxy.port or _SOCKS_PORT,
                proxy_type=ProxyType.SOCKS5,
                username=proxy.user,
                password=proxy.password,
                rdns=True,
                **self._options,
            )
        try:
            return await self._socks[proxy].connect(req, traces, timeout)
        except (ProxyConnectionError, ProxyError) as error:
            raise _refused(req.connection_key) from error


def session_through_environment(
    proxies: EnvironmentProxies | None = None, **options: Any
) -> aiohttp.ClientSession:
    """A session whose requests go through the proxies of the environment; options are those of aiohttp."""
    connector = ProxiedConnector(proxies or EnvironmentProxies.read())
    return aiohttp.ClientSession(connector=connector, **options)


def basic(proxy: URL) -> str:
    """The value of the header that logs in with the user info of a proxy."""
    pair = f"{proxy.user or ''}:{proxy.password or ''}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _refused(key: ConnectionKey) -> aiohttp.ClientProxyConnectionError:
    return aiohttp.ClientProxyConnectionError(key, OSError(None, "the proxy can't be reached or refuses"))


def _variable(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _proxy(environ: Mapping[str, str], name: str) -> URL | None:
    text = _variable(environ, name)
    if not text:
        return None
    try:
        url = URL(text if "://" in text else f"http://{text}")
        url = url.with_scheme(SOCKS5) if url.scheme == "socks5h" else url
        sound = url.scheme in _SCHEMES and bool(url.host)
    except ValueError:
        sound = False
    if not sound:
        known = ", ".join(_SCHEMES)
        text = f"{name.upper()}: the value is not a URL with a host and one of the schemes {known}"
        raise ValueError(text) from None
    return url.origin().with_user(url.user).with_password(url.password)


def _network(text: str) -> _Network | None:
    address, slash, length = text.partition("/")
    if not slash or not length.isdigit():
        return None
    try:
        return ipaddress.ip_network(f"{address}/{length}", strict=False)
    except ValueError:
        return None


def _host_and_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.removeprefix(":")
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, ""


def _address(host: str) -> _Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _ascii(name: str) -> str:
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name
