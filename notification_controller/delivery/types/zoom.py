"""Zoom Team Chat: a message with fields, by an incoming webhook."""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import facts
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonObject

_FORMAT: Final = "format"


def zoom(access: Access) -> Composed:
    """The token stands in the header as it is, without a scheme."""
    if not access.bearer:
        raise Unusable("empty Zoom verification token: the key 'token' of the Secret has to be there")
    url, headers = access.url, {"Authorization": access.bearer}
    url = url if url.query.get(_FORMAT) else url.update_query({_FORMAT: "full"})

    def compose(notification: Notification) -> list[Request]:
        return [Request.of_json(url, {"content": _content(notification.event)}, headers=headers)]

    return Composed(compose)


def _content(event: Event) -> JsonObject:
    body: list[JsonObject] = [{"type": "message", "text": event.message}]
    if event.metadata:
        items = [{"key": key, "value": value} for key, value in facts(event.metadata)]
        body.append({"type": "fields", "items": items})
    return {"head": {"text": event.involved.text, "sub_head": {"text": event.severity}}, "body": body}
