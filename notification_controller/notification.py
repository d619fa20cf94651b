"""What an Alert sends to its Provider, and the door that each type of provider has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from notification_controller.event import Event


@dataclass(frozen=True, slots=True)
class Sender:
    """The Alert that a notification comes from."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Notification:
    """One event for one Alert; the metadata of the event is combined and its keys have no prefix.

    `commit_status` is the context of a commit status, empty for all other types.
    """

    event: Event
    alert: Sender
    commit_status: str = ""


class NotDelivered(Exception):
    """A provider did not take a notification; str() says why and holds no secret.

    `retry` is false where the same notification would be refused again.
    """

    def __init__(self, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


class Notifier(Protocol):
    """Brings notifications to one provider, with the credentials that its Secrets hold now."""

    async def post(self, notification: Notification) -> None:
        """Delivers it once; returns too where the type has nothing to say about such an event.

        Raises:
            NotDelivered: the provider did not take it; retries within the timeout are already over.
        """
