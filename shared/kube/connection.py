"""One HTTP session to one API server, which every client of the process that goes there shares.

Credentials stay in headers of requests and never appear in `repr` or messages.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.connector import AddrInfoType

from shared.kube import ambient
from shared.kube.endpoint import Access, ConnectionConfigError, Endpoint
from shared.kube.throttle import Throttle
from shared.proxies import ProxiedConnector

__all__ = ["Access", "Connection", "ConnectionConfigError"]

_READ_BUFFER: Final = 2**20
_QUIET_SECONDS: Final = 15
_PROBE_SECONDS: Final = 5
_PROBES: Final = 3
#: How long the other end may leave what was sent without a sign.
_LOST_MILLISECONDS: Final = (_QUIET_SECONDS + _PROBE_SECONDS * _PROBES) * 1000
_REQUEST_SECONDS: Final = 60.0
_BELIEVED_SECONDS: Final = 15.0
_UNLIMITED: Final = 0.0


class Connection:
    """The session, and what is known of the server from the last request."""

    def __init__(
        self, endpoint: Endpoint, *, seconds: float = _REQUEST_SECONDS, throttle: Throttle | None = None
    ) -> None:
        """`seconds` is how long a request may take."""
        self._endpoint = endpoint
        self.server = endpoint.server
        self.server_name = endpoint.server_name
        self.seconds = seconds
        self.throttle = throttle or Throttle(_UNLIMITED, 1)
        self._proven_at: float | None = None
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    async def load(
        cls, kubeconfig: Path | None = None, context: str | None = None, throttle: Throttle | None = None
    ) -> Connection:
        """To the API server of the process itself, see `ambient.load`.

        Raises:
            ConnectionConfigError: nothing says where it is, or the file is not usable.
        """
        return cls(await ambient.load(kubeconfig, context), throttle=throttle)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The shared session, opened on first use inside the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=ProxiedConnector(
                    self._endpoint.ways,
                    ssl=self._endpoint.tls(),
                    limit=0,
                    keepalive_timeout=60,
                    socket_factory=_watchful_socket,
                ),
                read_bufsize=_READ_BUFFER,
                auto_decompress=True,
            )
        return self._session

    @property
    def proven(self) -> bool:
        """Whether the last request was answered, a moment ago, and not for want of good credentials."""
        at = self._proven_at
        return at is not None and asyncio.get_running_loop().time() - at < _BELIEVED_SECONDS

    async def headers(self) -> dict[str, str]:
        """Authentication headers, refreshed when the credentials rotate."""
        return await self._endpoint.headers()

    async def kubeconfig(self) -> Access:
        """How other programs get to the same server with the same rights; holds credentials."""
        return await self._endpoint.access()

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Learns from an answer of the server."""
        self.throttle.heed(headers)
        if status == 401:
            self._proven_at = None
            self._endpoint.refused()
        else:
            self._proven_at = asyncio.get_running_loop().time()

    def unanswered(self) -> None:
        """Learns from a request that got no answer."""
        self._proven_at = None

    async def close(self) -> None:
        """Closes the session; clients of this connection are unusable afterwards."""
        if self._session is None:
            return
        if self._session.connector is not None:
            # Nobody waits for the good-byes of TLS: what was asked is answered, or isn't wanted any more.
            await self._session.connector.close(abort_ssl=True)
        await self._session.close()


def _watchful_socket(address: AddrInfoType) -> socket.socket:
    """A socket that breaks within half a minute when the other end is gone without a word.

    Most of the time a watch has nothing to read, so without probes it would go on waiting for a server whose
    node or load balancer has died.
    """
    family, kind, protocol, _, _ = address
    opened = socket.socket(family=family, type=kind, proto=protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _QUIET_SECONDS),
        ("TCP_KEEPINTVL", _PROBE_SECONDS),
        ("TCP_KEEPCNT", _PROBES),
        ("TCP_USER_TIMEOUT", _LOST_MILLISECONDS),
    ):
        # Not every system that this is developed on has all of them.
        option = getattr(socket, name, None)
        if option is not None:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)
    return opened
