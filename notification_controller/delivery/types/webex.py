"""Webex: a message in a room, by the token of a bot."""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import Facts, cut, escaped, in_bytes, literal, without_tags
from notification_controller.event import Event
from notification_controller.notification import Notification

_WHOLE: Final = 7439


def webex(access: Access) -> Composed:
    """Markdown; mentions in what an event says mention nobody."""
    url, headers = access.url, access.by_token

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        shown = escaped(event, _literal, _WHOLE // 2)
        text = cut(event.message, _WHOLE, lambda message: in_bytes(_markdown(event, message, shown)))
        payload = {"roomId": access.channel, "markdown": _markdown(event, text, shown)}
        return [
            Request.of_json(url, {key: value for key, value in payload.items() if value}, headers=headers)
        ]

    return Composed(compose)


def _markdown(event: Event, message: str, shown: Facts) -> str:
    emoji = "💣" if event.failed else "✅"
    lines = "".join(f">**{name}**: {value}\n" for name, value in shown)
    return f"{emoji} **{event.involved.text}**\n{_literal(message)}\n{lines}"


def _literal(text: str) -> str:
    return without_tags(literal(text))
