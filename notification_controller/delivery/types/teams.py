"""Microsoft Teams: an adaptive card for workflows, a connector card for the webhooks of old."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import SUMMARY, Facts, cut, escaped, literal, without_tags
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonObject, dumps

_OLD: Final = ".webhook.office.com"
_WHOLE: Final = 28 * 1024

Card = Callable[[Event, str, Facts], JsonObject]


def msteams(access: Access) -> Composed:
    """Which card it is depends on the host alone."""
    url, headers = access.url, access.by_address
    old = (url.host or "").endswith(_OLD)
    card: Card = connector_card if old else adaptive_card
    escape = _old_literal if old else literal

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        shown = escaped(event, escape, _WHOLE // 2, first=(SUMMARY,))

        def size(message: str) -> int:
            return len(dumps(card(event, message, shown)))

        message = card(event, cut(event.message, _WHOLE, size), shown)
        return [Request.of_json(url, message, headers=headers)]

    return Composed(compose)


def adaptive_card(event: Event, message: str, shown: Facts) -> JsonObject:
    """The object as a heading, the message in red if it is of an error, and a table of metadata."""
    text: JsonObject = {"type": "TextBlock", "text": literal(message)}
    if event.failed:
        text["color"] = "attention"
    table: JsonObject = {"type": "FactSet"}
    if shown:
        table["facts"] = [{"title": name, "value": value} for name, value in shown]
    heading = {"type": "TextBlock", "text": event.involved.text, "size": "large", "weight": "bolder"}
    items = [heading | {"wrap": True}, text | {"wrap": True}, table]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "Container", "items": items}],
        "msteams": {"width": "Full"},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}
    return {"type": "message", "attachments": [attachment]}


def connector_card(event: Event, message: str, shown: Facts) -> JsonObject:
    """The same for connectors; those show HTML as well."""
    obj = event.involved.text
    section = {
        "activityTitle": _old_literal(message),
        "activitySubtitle": obj,
        "facts": [{"name": name, "value": value} for name, value in shown],
    }
    return {
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": "FF0000" if event.failed else "0076D7",
        "summary": obj,
        "sections": [section],
    }


def _old_literal(text: str) -> str:
    return literal(without_tags(text))
