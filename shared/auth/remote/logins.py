"""Who logs in at another cluster: somebody with fixed credentials, a command, or an identity with tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Protocol

from shared.auth.cloud import CloudError
from shared.auth.remote.plugin import Given, Plugin, PluginError, ask
from shared.auth.secrets import Credentials
from shared.kube.errors import NoCredentials
from shared.lang.json import JsonObject
from shared.observe.clock import Clock

#: Credentials that end sooner are asked for anew, so that a request arrives before they do.
_LEEWAY: Final = timedelta(seconds=30)
#: For how long a token is sent without asking whether it still is the right one.
_UNASKED_SECONDS: Final = 60.0


class Login(Protocol):
    """Gives what the server wants to see."""

    async def headers(self) -> dict[str, str]:
        """Authentication headers.

        Raises:
            NoCredentials: nobody gives any.
        """

    def refused(self) -> None:
        """The server did not take them."""

    @property
    def ended(self) -> bool:
        """Whether a certificate that the login brought is over, so that a new connection is needed."""


class FixedLogin:
    """Always the same, or nothing."""

    def __init__(self, credentials: Credentials | None) -> None:
        self._headers = {"Authorization": credentials.header} if credentials else {}
        self.ended = False

    async def headers(self) -> dict[str, str]:
        """The header."""
        return dict(self._headers)

    def refused(self) -> None:
        """There are no others."""


class PluginLogin:
    """What a command gives, until it ends or is refused."""

    def __init__(self, plugin: Plugin, cluster: JsonObject, clock: Clock) -> None:
        self._plugin = plugin
        self._cluster = cluster
        self._clock = clock
        self._lock = asyncio.Lock()
        self._given: Given | None = None
        self._certified = False
        self.ended = False

    async def certificate(self) -> tuple[bytes, bytes]:
        """The client certificate and key that the command gives, both empty if it gives a token.

        Raises:
            NoCredentials: it gives nothing.
        """
        given = await self._current()
        self._certified = bool(given.certificate)
        return given.certificate, given.key

    async def headers(self) -> dict[str, str]:
        """The token, if the command gives one."""
        given = await self._current()
        return {"Authorization": f"Bearer {given.token}"} if given.token else {}

    def refused(self) -> None:
        """The command is run again next time."""
        self._given = None
        self.ended = self._certified

    async def _current(self) -> Given:
        async with self._lock:
            if self._given is None or self._over(self._given):
                self.ended = self._certified
                try:
                    self._given = await ask(self._plugin, self._cluster)
                except PluginError as error:
                    raise NoCredentials(str(error)) from error
            return self._given

    def _over(self, given: Given) -> bool:
        return given.expires_at is not None and given.expires_at - _LEEWAY <= self._clock.now()


class TokenLogin:
    """A token that is asked for; whoever gives it keeps it for its life."""

    def __init__(
        self, ask_for: Callable[[], Awaitable[str]], refused: Callable[[str], None], clock: Clock
    ) -> None:
        """Whoever gives the token is told when it was refused."""
        self._ask_for = ask_for
        self._refused = refused
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._asked_at = 0.0
        self.ended = False

    async def headers(self) -> dict[str, str]:
        """The token."""
        async with self._lock:
            if not self._token or self._clock.monotonic() - self._asked_at >= _UNASKED_SECONDS:
                try:
                    self._token = await self._ask_for()
                except CloudError as error:
                    raise NoCredentials(str(error)) from error
                self._asked_at = self._clock.monotonic()
            return {"Authorization": f"Bearer {self._token}"}

    def refused(self) -> None:
        """The next request asks again, for another one."""
        token, self._token = self._token, ""
        if token:
            self._refused(token)
