"""Prometheus Alertmanager: an alert whose labels are the metadata and what the event is about."""

from __future__ import annotations

import re
from typing import Final

from notification_controller.delivery.access import Access
from notification_controller.delivery.request import Request
from notification_controller.delivery.service import Composed
from notification_controller.delivery.text import SUMMARY, title
from notification_controller.event import Event
from notification_controller.notification import Notification
from shared.lang.json import JsonObject
from shared.lang.timestamp import format_timestamp

#: How Go writes a time that isn't there; Alertmanager takes it so.
_NEVER: Final = "0001-01-01T00:00:00Z"
_NO_LABEL: Final = re.compile(r"[^a-zA-Z0-9_]|^(?=[0-9])", re.ASCII)


def alertmanager(access: Access) -> Composed:
    """The alert ends when Alertmanager hears no more of it."""
    url, headers = access.url, access.authorization(bearer_first=False)

    def compose(notification: Notification) -> list[Request]:
        return [Request.of_json(url, [_alert(notification.event)], headers=headers)]

    return Composed(compose)


def _alert(event: Event) -> JsonObject:
    involved = event.involved
    annotations = {"message": event.message}
    if SUMMARY in event.metadata:
        annotations[SUMMARY] = event.metadata[SUMMARY]
    given = sorted((key, value) for key, value in event.metadata.items() if key != SUMMARY)
    labels = {_NO_LABEL.sub("_", key): value for key, value in given} | {
        "alertname": f"Flux{involved.kind}{title(event.reason)}",
        "severity": event.severity,
        "reason": event.reason,
        "kind": involved.kind,
        "name": involved.name,
        "namespace": involved.namespace,
        "reportingcontroller": event.controller,
    }
    return {
        "status": "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": format_timestamp(event.at) if event.at else _NEVER,
        "endsAt": _NEVER,
    }
