"""Zulip: a message in a topic of a channel, by the login of a bot."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.markdown import page
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import cut, few
from notification_controller.event import Event
from notification_controller.notification import Notification

_WHOLE: Final = 10_000


def zulip(access: Access) -> Composed:
    """The channel is `<channel>/<topic>`; only scheme and host of the address count."""
    channel, _, topic = access.channel.partition("/")
    if not channel or not topic:
        raise Unusable(f"invalid Zulip channel format, expected <channel>/<topic>, got '{access.channel}'")
    url = access.url.origin() / "api" / "v1" / "messages"
    headers = {"Authorization": access.login.header} if access.login else access.by_address

    def compose(notification: Notification) -> list[Request]:
        fields = {"type": "stream", "to": channel, "topic": topic, "content": _content(notification.event)}
        return [Request.of_form(url, fields, headers=headers)]

    return Composed(compose)


def _content(event: Event) -> str:
    event = replace(event, metadata=dict(few(list(event.metadata.items()), _WHOLE // 2)))

    def with_message(message: str) -> str:
        return page(replace(event, message=message))

    return with_message(cut(event.message, _WHOLE, lambda message: len(with_message(message))))
