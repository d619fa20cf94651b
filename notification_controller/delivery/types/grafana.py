"""Grafana: an annotation in the form of Graphite, found by its tags."""

from __future__ import annotations

from notification_controller.delivery.access import Access
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import facts
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonObject


def grafana(access: Access) -> Composed:
    """What happened to which object, and when; not the message."""
    url, headers = access.url, access.authorization()

    def compose(notification: Notification) -> list[Request]:
        return [Request.of_json(url, _annotation(notification.event), headers=headers)]

    return Composed(compose)


def _annotation(event: Event) -> JsonObject:
    involved = event.involved
    when = {"when": int(event.at.timestamp())} if event.at else {}
    tags = [
        "flux",
        event.controller,
        *(f"{key.replace(':', '|')}: {value.replace(':', '|')}" for key, value in facts(event.metadata)),
        f"kind: {involved.kind}",
        f"name: {involved.name}",
        f"namespace: {involved.namespace}",
    ]
    return when | {"text": involved.text, "tags": tags}
