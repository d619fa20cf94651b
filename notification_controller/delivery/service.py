"""What each type of provider is to this package: something that turns notifications into requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from notification_controller.delivery.git.memory import Memory
from notification_controller.delivery.poster import Poster
from notification_controller.delivery.request import Answer, Request
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.auth.cloud import Clouds
from shared.observe.clock import Clock

#: Longer events are composed in a thread.
_LONG: Final = 64 * 1024


class Service(Protocol):
    """One type of provider, with the access of one Provider."""

    async def deliver(self, notification: Notification, poster: Poster) -> None:
        """Brings a notification to the service, or does nothing if there is nothing to say.

        Raises:
            Trouble: the service did not take it.
        """


@dataclass(frozen=True, slots=True)
class Means:
    """What some types need beside the access of a Provider."""

    clouds: Clouds
    clock: Clock
    memory: Memory = field(default_factory=Memory)
    """Of Git hosts."""


Compose: TypeAlias = Callable[[Notification], Sequence[Request]]


@dataclass(frozen=True, slots=True)
class Composed:
    """A service for which a notification is some requests that are known beforehand."""

    compose: Compose
    check: Callable[[Answer], None] = Answer.check

    async def deliver(self, notification: Notification, poster: Poster) -> None:
        """Sends the requests one after the other."""
        if _length(notification.event) > _LONG:
            requests = await asyncio.to_thread(self.compose, notification)
        else:
            requests = self.compose(notification)
        for request in requests:
            self.check(await poster.ask(request))


def _length(event: Event) -> int:
    return len(event.message) + sum(len(key) + len(value) for key, value in event.metadata.items())
