"""incident.io: an alert for each object that fails, resolved when it is well."""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.errors import Unusable
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonObject

_PROGRESSING: Final = "Progressing"


def incident_io(access: Access) -> Composed:
    """By an HTTP source of alerts."""
    if not access.bearer:
        raise Unusable("empty incident.io API token: the key 'token' of the Secret has to be there")
    url, headers = access.url, access.by_token

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        if event.reason == _PROGRESSING:
            return []
        return [Request.of_json(url, _alert(event), headers=headers)]

    return Composed(compose)


def _alert(event: Event) -> JsonObject:
    controller = {"reportingController": event.controller} if event.controller else {}
    about = {"severity": event.severity, "reason": event.reason}
    found: JsonObject = {
        "title": f"{event.involved.text}: {event.reason}",
        "status": "firing" if event.failed else "resolved",
        "deduplication_key": event.involved.uid,
    }
    if event.message:
        found["description"] = event.message
    return found | {"metadata": dict(event.metadata) | about | controller}
