"""Google Chat, by the webhook of a space."""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import cut, escaped, filled, without_tags
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonObject

_PARAGRAPH: Final = 4096
_FACTS: Final = 20_000


def google_chat(access: Access) -> Composed:
    """A card: the object, the message, and the metadata in a section of its own."""
    url, headers = access.url, access.by_address

    def compose(notification: Notification) -> list[Request]:
        return [Request.of_json(url, {"cards": [_card(notification.event)]}, headers=headers)]

    return Composed(compose)


def _card(event: Event) -> JsonObject:
    def shown(message: str) -> str:
        safe = without_tags(message)
        return f'<font color="#ff0000">{safe}</font>' if event.failed else safe

    text = shown(cut(event.message, _PARAGRAPH, lambda message: len(shown(message))))
    widgets = [
        {
            "textParagraph": None,
            "keyValue": {
                "topLabel": name,
                "content": value,
                "contentMultiline": False,
                "bottomLabel": None,
                "icon": None,
            },
        }
        for name, value in filled(escaped(event, without_tags, _FACTS))
    ]
    sections: list[JsonObject] = [
        {"header": "", "widgets": [{"textParagraph": {"text": text}, "keyValue": None}]}
    ]
    if widgets:
        sections.append({"header": "", "widgets": widgets})
    header = {
        "title": event.involved.text,
        "subtitle": event.controller,
        "imageUrl": None,
        "imageStyle": None,
    }
    return {"header": header, "sections": sections}
