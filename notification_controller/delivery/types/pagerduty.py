"""PagerDuty: an incident for each object that fails, resolved when it is well; and changes as such."""

from __future__ import annotations

from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.git.status import describe, name_of
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import cut
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.events import Severity
from shared.lang.json import JsonObject
from shared.lang.timestamp import format_timestamp

_SUMMARY: Final = 1024
_PROGRESSING: Final = "Progressing"


def pagerduty(access: Access) -> Composed:
    """The channel is the routing key of an integration."""
    origin = access.url.origin()
    events, changes = origin / "v2" / "enqueue", origin / "v2" / "change" / "enqueue"

    def compose(notification: Notification) -> list[Request]:
        event = notification.event
        if event.reason == _PROGRESSING:
            return []
        requests = [Request.of_json(events, _event(event, access.channel))]
        if event.severity == Severity.INFO:
            change = {"routing_key": access.channel, "payload": _change(event)}
            requests.append(Request.of_json(changes, change))
        return requests

    return Composed(compose)


def _event(event: Event, key: str) -> JsonObject:
    found: JsonObject = {
        "routing_key": key,
        "event_action": "trigger" if event.failed else "resolve",
        "dedup_key": event.involved.uid,
    }
    if event.failed:
        about = {"severity": "error", "component": event.involved.name, "group": event.involved.kind}
        found["payload"] = _change(event) | about
    return found


def _change(event: Event) -> JsonObject:
    return {
        "summary": cut(f"{describe(event.reason)}: {name_of(event)}", _SUMMARY),
        "source": f"Flux {event.controller}",
        **({"timestamp": format_timestamp(event.at)} if event.at else {}),
        "custom_details": {"message": event.message, "metadata": dict(event.metadata)},
    }
