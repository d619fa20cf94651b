"""Statuses of commits: what the host has is looked up first, and what says the same is not said again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias

import structlog

from notification_controller.delivery.git.api import telling
from notification_controller.delivery.git.status import State, Status, commit_of, status_of
from notification_controller.delivery.poster import Poster
from notification_controller.notification import Notification

_FINAL: Final = frozenset({State.SUCCESS, State.FAILURE})
EVERY_STATE: Final = frozenset(State)


class StatusHost(Protocol):
    """A repository at a host, in one delivery."""

    async def holds(self, commit: str, status: Status) -> bool:
        """Whether the newest status of the same context says the same."""

    async def set(self, commit: str, status: Status) -> None:
        """Gives the commit a status."""


OpenStatusHost: TypeAlias = Callable[[Poster], Awaitable[StatusHost]]


class CommitStatuses:
    """A service that sets statuses."""

    def __init__(
        self, opened: OpenStatusHost, tells: frozenset[State] = _FINAL, *, loud: bool = False
    ) -> None:
        """Of states that it does not tell, nothing is said; `loud` puts each status into the log."""
        self._open = opened
        self._tells = tells
        log = structlog.get_logger("event-server").bind(logger="event-server")
        self._said = log.info if loud else log.debug

    async def deliver(self, notification: Notification, poster: Poster) -> None:
        """Sets the status of the commit that the event is about."""
        status = status_of(notification.event, notification.commit_status)
        if status.state not in self._tells:
            return
        commit = commit_of(notification.event)
        host = await self._open(poster)
        with telling("could not list commit statuses"):
            held = await host.holds(commit, status)
        facts = {"commit": commit, "context": status.context, "state": status.state.value}
        if held:
            self._said("commit status is there already", **facts)
            return
        with telling("could not create commit status"):
            await host.set(commit, status)
        self._said("commit status is set", **facts)
