"""Comments on change requests: one for each object and Provider, edited whenever there is something new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from notification_controller.delivery.errors import Trouble
from notification_controller.delivery.git.api import telling
from notification_controller.delivery.git.comments import body_of, change_request_of, marker_of
from notification_controller.delivery.git.memory import Memory
from notification_controller.delivery.poster import Poster
from notification_controller.delivery.text import cut
from notification_controller.notification import Notification

_LONGEST: Final = 65_536
"""Characters in a comment; all hosts take so many."""

_PAUSES: Final = (timedelta(seconds=2), timedelta(seconds=4))


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment at a host."""

    id: int
    author: str
    body: str


class CommentHost(Protocol):
    """A repository at a host, in one delivery."""

    @property
    def place(self) -> str:
        """What tells the repository from all others."""

    async def login(self) -> str:
        """Who we are there."""

    def comments(self, number: int) -> AsyncIterator[Comment]:
        """The comments on a change request, the oldest first."""

    async def create(self, number: int, body: str) -> int:
        """Comments, and does not try again where nobody knows whether it was taken; gives the id."""

    async def edit(self, number: int, comment: int, body: str) -> bool:
        """Gives a comment another text; false if there is no such comment."""


OpenCommentHost: TypeAlias = Callable[[Poster], Awaitable[CommentHost]]


@dataclass(frozen=True, slots=True)
class Comments:
    """A service that comments."""

    open: OpenCommentHost
    memory: Memory
    provider_uid: str
    prefix: str
    account: str = field(repr=False)
    """What tells whoever logs in from all others; it may be secret."""
    harmless: Callable[[str], str] = str
    """Makes a text only text where a host would do what it says."""

    async def deliver(self, notification: Notification, poster: Poster) -> None:
        """Comments on the change request that the event is about."""
        event = notification.event
        number = change_request_of(event)
        marker = marker_of(event, self.prefix, self.provider_uid)
        body = cut(self.harmless(body_of(event, marker)), _LONGEST)
        host = await self.open(poster)
        thread = (host.place, str(number), marker)
        # What another account wrote is not ours any more, or not yet.
        ours = (*thread, self.account)
        async with self.memory.alone(*thread):
            known = self.memory.comment(*ours)
            if known is not None:
                with telling("failed to update the comment"):
                    if await host.edit(number, known, body):
                        return
                self.memory.forget(*ours)
            self.memory.keep(await self._settle(host, number, marker, body), *ours)

    async def _settle(self, host: CommentHost, number: int, marker: str, body: str) -> int:
        """Edits our comment, or creates it; gives its id.

        Where nobody knows whether it was created, that is looked up before it is tried again.
        """
        pauses = iter(_PAUSES)
        while True:
            found = await self._find(host, number, marker)
            with telling("failed to update the comment"):
                if found and (found.body == body or await host.edit(number, found.id, body)):
                    return found.id
            try:
                with telling("failed to create the comment"):
                    return await host.create(number, body)
            except Trouble as error:
                pause = next(pauses, None)
                if pause is None or not error.retry:
                    raise
            await asyncio.sleep(pause.total_seconds())

    async def _find(self, host: CommentHost, number: int, marker: str) -> Comment | None:
        with telling("failed to get the authenticated user"):
            login = await self.memory.fact(host.login, "login", host.place, self.account)
        with telling("failed to list the comments"):
            async for comment in host.comments(number):
                # At its beginning alone: a message may quote the marker of another object.
                if comment.author == login and comment.body.lstrip().startswith(marker):
                    return comment
        return None
