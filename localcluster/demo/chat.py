"""What stands in for Slack: an inbox on loopback, and the messages in it as people would read them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from localcluster.demo.live import Stuck
from localcluster.demo.screen import Screen
from shared.testing.mailbox import Mailbox

_PATH: Final = "/chat"
_PLACEHOLDER: Final = "http://127.0.0.1:0/chat"
_OBJECTS: Final = Path(__file__).parents[2] / "examples" / "chat.yaml"


class DemoChat:
    """Takes messages for as long as the block lasts."""

    def __init__(self) -> None:
        self._mailbox = Mailbox()
        self._shown = 0

    @property
    def objects(self) -> str:
        """The Provider and the Alert that send here."""
        return _OBJECTS.read_text().replace(_PLACEHOLDER, f"{self._mailbox.url}{_PATH}")

    async def show_next(self, screen: Screen) -> None:
        """Prints the next message.

        Raises:
            Stuck: there is none.
        """
        try:
            received = await asyncio.to_thread(self._mailbox.wait, _PATH, self._shown + 1)
        except TimeoutError:
            raise Stuck("waited in vain for a message in the chat") from None
        body = received[self._shown].json
        self._shown += 1
        screen.say(f"in #{body['channel']}, from {body['username']}:")
        for part in body["attachments"]:
            screen.say(f"  {part['author_name']} ({part['color']})")
            for line in part["text"].splitlines():
                screen.say(f"  {line}")
            for field in part["fields"]:
                screen.say(f"  {field['title']}: {field['value']}")

    def __enter__(self) -> Self:
        self._mailbox.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mailbox.__exit__(kind, error, trace)
