"""One other cluster with one identity: its slots, its connection, and what came of the last try."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from yarl import URL

from shared.auth.cloud import CloudError
from shared.auth.remote import Allowed, DescriptionError, KubeconfigError, RemoteEndpoint
from shared.http import trouble
from shared.kube.client import KubeClient
from shared.kube.connection import Connection
from shared.kube.errors import KubeError, Unauthorized, Unreachable
from shared.kube.throttle import Throttle
from shared.observe.clock import Clock
from shared.runtime.slots import Slots

_REQUEST_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class ClusterPolicy:
    """What kubeconfigs may do, and how clusters are treated."""

    allowed: Allowed
    user_agent: str
    qps: float
    burst: int
    #: Turns that may be active in one cluster at once.
    concurrent: int
    #: How long a connection stays open that nobody uses, and how many of them do.
    idle: timedelta = timedelta(minutes=5)
    idle_at_most: int = 32


Opening = Callable[[], Awaitable[RemoteEndpoint]]


class ClusterTrouble(Exception):
    """Why a cluster can't be worked in, without the name of what leads there."""


@dataclass(slots=True, eq=False)
class Opened:
    """A connection and those who work with it; one that is retired closes with the last of them."""

    endpoint: RemoteEndpoint
    connection: Connection
    client: KubeClient
    users: int = 0
    retired: bool = False

    async def leave(self) -> None:
        """One user less."""
        self.users -= 1
        await self.close_unused()

    async def close_unused(self) -> None:
        """Closes what nobody needs."""
        if self.retired and not self.users:
            await self.connection.close()

    async def prove(self) -> None:
        """Asks the server for anything, unless the last request went well."""
        if self.connection.proven:
            return
        server = self.connection.server
        try:
            await self.client.request("GET", "/api")
        except Unauthorized as error:
            why = f"the API server {server} refuses the credentials: renew them ({error.message})"
            raise ClusterTrouble(self._with_hints(why)) from error
        except Unreachable as error:
            words = trouble(error.__cause__, URL(server)) if error.__cause__ else str(error)
            raise ClusterTrouble(self._with_hints(words)) from error
        except KubeError as error:
            raise ClusterTrouble(self._with_hints(f"the API server {server}: {error}")) from error

    def _with_hints(self, words: str) -> str:
        return "; ".join((words, *self.endpoint.hints))


class Cluster:
    """See the module; counts those who use it."""

    def __init__(self, policy: ClusterPolicy, clock: Clock) -> None:
        self.slots = Slots(policy.concurrent)
        self.users = 0
        self.timer: asyncio.TimerHandle | None = None
        self._policy = policy
        self._clock = clock
        self._lock = asyncio.Lock()
        self._opened: Opened | None = None
        self._trouble: ClusterTrouble | None = None
        self._believed_until = 0.0

    async def enter(self, opening: Opening) -> Opened:
        """The connection, proven good; whoever enters leaves it.

        Raises:
            ClusterTrouble: the server can't be reached, or refuses.
        """
        async with self._lock:
            if self._trouble is not None and self._clock.monotonic() < self._believed_until:
                raise ClusterTrouble(str(self._trouble)) from self._trouble.__cause__
            self._trouble = None
            started = self._clock.monotonic()
            try:
                opened = await self._current(opening)
                await opened.prove()
            except ClusterTrouble as error:
                await self.retire()
                self._trouble = error
                # What took long to fail is not tried again by each of those who waited for it.
                now = self._clock.monotonic()
                self._believed_until = now + min(now - started, _REQUEST_SECONDS)
                raise
            opened.users += 1
            return opened

    async def retire(self) -> None:
        """The next who enters opens a new connection."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.retired = True
            await opened.close_unused()

    async def _current(self, opening: Opening) -> Opened:
        if self._opened is not None and self._opened.endpoint.ended:
            await self.retire()
        if self._opened is None:
            try:
                endpoint = await opening()
            except (KubeError, KubeconfigError, CloudError, DescriptionError) as error:
                raise ClusterTrouble(str(error)) from error
            policy = self._policy
            connection = Connection(
                endpoint, seconds=_REQUEST_SECONDS, throttle=Throttle(policy.qps, policy.burst)
            )
            client = KubeClient(connection, user_agent=policy.user_agent)
            self._opened = Opened(endpoint, connection, client)
        return self._opened
