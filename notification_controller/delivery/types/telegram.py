"""Telegram: a message of a bot in a chat, or in one thread of it."""

from __future__ import annotations

import re
from typing import Final

from yarl import URL

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import Facts, cut, facts, few
from notification_controller.event import Event
from notification_controller.notification import Notification

_SERVICE: Final = "https://api.telegram.org/bot{token}/sendMessage"
_WHOLE: Final = 4096
_SPECIAL: Final = re.compile(r"[\\.\-_\[\]()~>`#+=|{}!*]")
_TOKEN: Final = re.compile(r"[0-9A-Za-z:_-]+")


def telegram(access: Access) -> Composed:
    """The channel is the id of a chat, perhaps with that of a thread after a colon."""
    if not access.channel:
        raise Unusable("empty Telegram channel: set spec.channel to the id of a chat")
    if not access.bearer:
        raise Unusable("empty Telegram token: the key 'token' of the Secret has to be there")
    if not _TOKEN.fullmatch(access.bearer):
        raise Unusable("the value of key 'token' is no token of a Telegram bot")
    url = URL(_SERVICE.format(token=access.bearer), encoded=True)
    chat, colon, thread = access.channel.partition(":")
    target = {"chat_id": chat} | ({"message_thread_id": thread} if colon else {})

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        shown = few(facts(event.metadata), _WHOLE // 4)
        text = cut(event.message, _WHOLE, lambda message: _length(_text(event, message, shown)))
        payload = {"text": _text(event, text, shown), "parse_mode": "MarkdownV2"}
        return [Request.of_json(url, target | payload)]

    return Composed(compose)


def _text(event: Event, message: str, shown: Facts) -> str:
    involved, emoji = event.involved, "🚨" if event.failed else "💫"
    heading = f"{emoji} {involved.kind.lower()}/{involved.name}/{involved.namespace}"
    lines = "".join(f"\\- *{_escaped(name)}*: {_escaped(value)}\n" for name, value in shown)
    return f"*{_escaped(heading)}*\n{_escaped(message)}\n{lines}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _length(text: str) -> int:
    """As Telegram counts, in units of UTF-16."""
    return len(text.encode("utf-16-le")) // 2
